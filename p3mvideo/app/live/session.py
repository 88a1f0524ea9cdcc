"""Keeps a pipeline going: restarts it when it fails, when settings change, when quality goes up or down."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from p3mvideo.app.live.load_meter import LoadMeter
from p3mvideo.app.live.output_gate import SETTING_UP, OutputGate, ShowSink
from p3mvideo.app.live.quality_ladder import Ladder, Rung
from p3mvideo.app.live.stage_factory import StageFactory, make_compositor, make_stream
from p3mvideo.compose import Background
from p3mvideo.engine import GuidedRefiner, LoadedEngine
from p3mvideo.errors import ConfigError, DeviceError, P3MVideoError, WeightsError
from p3mvideo.frame import Anonymizer
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.options import LiveOptions
from p3mvideo.pipeline import Output, Pipeline, RunStatistics

RETRIES = 5
"""How often in a row the pipeline may fail before the run is given up."""
RETRY_SECONDS = 0.5
"""Wait before the second attempt; each further one waits that much longer."""
HEALTHY_SECONDS = 20.0
"""A pipeline that ran for so long is not failing in a row."""
SETTLE_SECONDS = 3.0
"""How long a pipeline runs before its speed counts: scenes are searched for faces thoroughly at their beginning."""
STUCK_SECONDS = 8.0
"""Frames that go in without any coming out for so long are stuck."""
SET_UP_SECONDS = 60.0
"""The same before the first frame: networks are compiled and scenes searched thoroughly then."""

logger = logging.getLogger(__name__)


class LiveSession:
    """One camera's way to the show, on a thread of its own, until `stop`.

    The pipeline is the same as for files, made for a live source. It is not changed while it runs: it comes to its end, which takes it a
    few frames, and the next one begins with other parts. The show goes on meanwhile.

    Args:
        source: The camera, inside its context.
        show: Takes the images.
        background: Stands behind the person.
        settings: The first ones.
        parts: Makes network and anonymizer.
        ladder: The levels of quality.
        say: Tells the user; called in any thread.
    """

    def __init__(
        self, *, source: CameraSource, show: OutputGate, background: Background, settings: LiveOptions, parts: StageFactory, ladder: Ladder,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._source, self._show, self._background, self._parts, self._say = source, show, background, parts, say
        self.settings = settings
        """The present ones."""
        self.ladder = ladder
        self.meter = LoadMeter(source)
        self.trouble = ""
        """What keeps images from being shown; empty if nothing does."""
        self.error: BaseException | None = None
        """Why the session ended by itself; None if it did not."""
        self.runs: list[RunStatistics] = []
        """The accounts of the pipelines that ended well, at most the last hundred."""
        self._rung = ladder.rung
        # Kept from one run of the pipeline to the next, unless it failed.
        self._engines: dict[tuple[str, int | None], LoadedEngine] = {}
        self._anonymizer: Anonymizer | None = None
        self._anonymizer_for: tuple[str, int] | None = None
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._started_at: float | None = None
        self._description = ""
        self._thread = threading.Thread(target=self._live, name="p3mvideo live", daemon=True)
        # No daemon: a thread that comes back from the network's runtime when the interpreter is gone ends the process by an abort.
        self._loader: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether the session goes on."""
        return self._thread.is_alive()

    @property
    def description(self) -> str:
        """Network, runtime, device and precision in use; empty while they are loaded."""
        return self._description

    def start(self) -> None:
        """Begin."""
        self._show.pause(SETTING_UP)
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Let the session end and wait for it, but not longer than the time given."""
        self._stopping.set()
        self._source.stop()
        deadline = time.monotonic() + timeout_seconds
        self._thread.join(timeout_seconds)
        if self._loader is not None:
            self._loader.join(max(0.0, deadline - time.monotonic()))

    def change(self, **changes: Any) -> None:
        """Go on with other settings. What was captured before is not shown any more: it may show what is to be hidden now."""
        with self._changing:
            self.settings = replace(self.settings, **changes)
            self._show.pause(SETTING_UP)
        self._source.stop()

    def tick(self) -> None:
        """Look after the session; called some times a second, always by the same thread."""
        self._end_what_is_stuck()
        observation, started_at = self.meter.observe(), self._started_at
        settled = started_at is not None and time.monotonic() - started_at > SETTLE_SECONDS
        settled = settled and self._rung == self.ladder.rung and not self._source.paused
        if observation is not None and settled and self.ladder.observe(lost_share=observation.lost_share, load=observation.load):
            self._loader = threading.Thread(target=self._take_step, args=(self.ladder.rung,), name="p3mvideo loader")
            self._loader.start()

    def _live(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._run_pipeline()
            except (ConfigError, WeightsError) as error:
                self.error = error  # what is missing or makes no sense does not mend itself
                return
            except Exception as error:
                if isinstance(error, DeviceError) and not self._description:
                    self.error = error  # the network was never loaded: an accelerator that was asked for is not there
                    return
                failures = 1 if time.monotonic() - began > HEALTHY_SECONDS else failures + 1
                self._let_go()
                if failures > RETRIES:
                    self.error = error
                    return
                self._tell(error, failures)
                self._stopping.wait(failures * RETRY_SECONDS)
            except BaseException as error:
                self.error = error
                raise
        self._let_go()

    def _run_pipeline(self) -> None:
        settings = self.settings
        engine, anonymizer = self._load(settings)
        pipeline = Pipeline(
            source=self._source,
            anonymizer=anonymizer,
            engine=engine.engine,
            matte_stream=make_stream(settings),
            refiner=GuidedRefiner(),
            outputs=[Output(make_compositor(settings, self._background), ShowSink(self._show))],
            device=engine.device,
            seq_chunk=1,
            # The shortest queues: every frame that waits is late.
            frame_queue_size=1,
            sink_queue_size=1,
            on_progress=self.meter.progressed,
        )
        self.meter.begin(pipeline.statistics)
        self._show.degraded = self._rung != self.ladder.rungs[0]
        self._started_at = time.monotonic()
        with self._changing:
            # Settings that came in the meantime may hide more; the pipeline that obeys them is the next one.
            if settings is self.settings:
                self._show.resume(SETTING_UP)
        try:
            statistics = pipeline.run()
        finally:
            self._started_at = None
        self.trouble = ""
        self.runs = [*self.runs[-99:], statistics]

    def _load(self, settings: LiveOptions) -> tuple[LoadedEngine, Anonymizer]:
        """Return network and anonymizer for the settings and the present rung; what fits already is kept."""
        rung = self._rung
        engine = self._engines.get(_key(rung))
        if engine is None:
            engine = self._engines[_key(rung)] = self._parts.engine(rung)
        if engine.description != self._description:
            self._description = engine.description
            self._say(f"network: {engine.description}")
        wanted = settings.anonymize, rung.detector_every
        if self._anonymizer is None or self._anonymizer_for != wanted:
            self._close_anonymizer()
            self._anonymizer, self._anonymizer_for = self._parts.anonymizer(settings.anonymize, rung), wanted
        return engine, self._anonymizer

    def _let_go(self) -> None:
        """Forget networks and anonymizer, so that the next run makes them again: no one knows what a failure left of them."""
        self._engines.clear()
        self._close_anonymizer()

    def _close_anonymizer(self) -> None:
        anonymizer, self._anonymizer = self._anonymizer, None
        if anonymizer is not None:
            anonymizer.close()

    def _tell(self, error: Exception, failures: int) -> None:
        message = error.message if isinstance(error, P3MVideoError) else f"{type(error).__name__}: {error}"
        self.trouble = message
        self._say(f"{message}; restarting ({failures} of {RETRIES})")
        if not isinstance(error, P3MVideoError):
            logger.warning("the pipeline failed", exc_info=error)

    def _end_what_is_stuck(self) -> None:
        """Let the pipeline fail if frames go in and none comes out."""
        started_at, delivered_at = self._started_at, self._source.delivered_at_seconds
        if started_at is None or delivered_at is None or self._source.paused:
            return
        waits_since = max(started_at, self.meter.last_out_at)
        limit_seconds = STUCK_SECONDS if self.meter.last_out_at > started_at else SET_UP_SECONDS
        if self.meter.pending and time.monotonic() - waits_since > limit_seconds:
            self._started_at = None
            self._source.fail(DeviceError(f"no image has come out for {limit_seconds:g} s, the network seems to hang"))

    def _take_step(self, rung: Rung) -> None:
        """Load what a rung needs beside the running pipeline, then let the next pipeline begin with it."""
        try:
            if _key(rung) not in self._engines:
                self._engines[_key(rung)] = self._parts.engine(rung)
        except P3MVideoError as error:
            self._say(f"quality stays as it is: {error.message}")
            self.ladder = Ladder([self._rung])
            return
        # The step that is left may soon be taken again; more networks than these two would only fill the memory.
        self._engines = {key: self._engines[key] for key in (_key(self._rung), _key(rung)) if key in self._engines}
        self._rung = rung
        self._say(f"quality: {rung.name}")
        self._source.stop()


def _key(rung: Rung) -> tuple[str, int | None]:
    """Return what a rung's network depends on."""
    return rung.model, rung.long_side_px
