"""Keeps a pipeline going: starts it again when it fails, when other faces are to be hidden, when quality goes up or down."""

from __future__ import annotations

import logging
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from p3mvideo.app.live.output_gate import SETTING_UP, OutputGate, ShowSink
from p3mvideo.app.live.quality.load_meter import LoadMeter, Observation
from p3mvideo.app.live.quality.picture_size import SmallerPictures, at_size
from p3mvideo.app.live.quality.quality_ladder import Ladder, Rung
from p3mvideo.app.live.quality.step_check import LARGEST_LOSS, Seen, WatchedNetwork, lost_share
from p3mvideo.app.live.stage_factory import AdjustableStream, StageFactory, make_compositor
from p3mvideo.compose import Background
from p3mvideo.engine import GuidedRefiner, LoadedEngine
from p3mvideo.errors import ConfigError, DeviceError, P3MVideoError, WeightsError
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.options import LiveOptions
from p3mvideo.pipeline import Output, Pipeline, RunStatistics
from p3mvideo.process_memory import give_back_memory
from p3mvideo.stages import Anonymizer, MattingEngine

RETRIES = 5
"""How often in a row the pipeline may fail before the run is given up."""
RETRY_SECONDS = 0.5
"""Wait before the second attempt; each further one waits that much longer."""
HEALTHY_SECONDS = 20.0
"""A pipeline that ran for so long is not failing in a row."""
SETTLE_SECONDS = 3.0
"""How long a pipeline runs before its speed counts: scenes are searched for faces thoroughly at their beginning."""
LONGEST_TROUBLE = 200
"""Characters of what is told of a failure."""
STUCK_SECONDS = 8.0
"""Frames that go in without any coming out for so long are stuck."""
SET_UP_SECONDS = 60.0
"""The same before the first frame: networks are compiled and scenes searched thoroughly then."""
KEPT_SECONDS = 60.0
"""The network of a step that was left is kept for so long: the step may be taken again."""
USUAL_RATE = 30
"""Of cameras that do not tell theirs."""
SEVERE_LOSS = 0.2
"""Where more images than this are dropped, a step down is taken whatever it loses: a picture that stutters and comes late is worse."""
COMPARISONS = 3
"""Images of which both networks' mattes are compared before a step down."""
COMPARISON_SECONDS = 0.3
"""Between two of them."""

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
        self.loading = ""
        """What is being loaded; empty if nothing is."""
        self.error: BaseException | None = None
        """Why the session ended by itself; None if it did not."""
        self.runs: list[RunStatistics] = []
        """The accounts of the pipelines that ended well, at most the last hundred."""
        self._step = ladder.step
        self._is_timed = False
        self._pipeline: Pipeline | None = None
        self._idle_at = float("-inf")
        self._watched: WatchedNetwork | None = None
        # Kept from one run of the pipeline to the next, unless it failed.
        self._engines: dict[tuple[int | None, float, bool], LoadedEngine] = {}
        self._anonymizer: Anonymizer | None = None
        self._anonymizer_for: tuple[str, float] | None = None
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

    @property
    def seen(self) -> Seen | None:
        """The image that the network saw last, with its faces covered, and its matte; None before the first."""
        return self._watched.seen if self._watched is not None else None

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
        """Go on with other settings.

        Where they hide other faces, the pipeline begins again, and what was captured before is not shown any more: it may show what is
        to be hidden now. Smoothing, brightness and framing change with the next frame.
        """
        with self._changing:
            former, self.settings = self.settings, replace(self.settings, **changes)
            if self.settings.anonymize == former.anonymize:
                return
            self._show.pause(SETTING_UP)
        self._source.stop()

    def tick(self) -> None:
        """Look after the session; called some times a second, always by the same thread."""
        self._end_what_is_stuck()
        observation, started_at = self.meter.observe(), self._started_at
        running_seconds = 0.0 if started_at is None else time.monotonic() - started_at
        settled = running_seconds > SETTLE_SECONDS and self._step == self.ladder.step and not self._source.paused
        if settled and running_seconds > KEPT_SECONDS:
            self._keep_engines(self.ladder.rung)
        if observation is not None and settled and self._judge(observation):
            self._loader = threading.Thread(target=self._take_step, name="p3mvideo loader")
            self._loader.start()

    def _judge(self, observation: Observation) -> bool:
        """Return whether the ladder has another step after an observation."""
        if self.ladder.is_tried_out:
            return self.ladder.observe(
                lost_share=observation.lost_share,
                load=observation.load,
                network_load=observation.network_load,
                network_share=observation.network_share,
            )
        return self.ladder.try_out(lost_share=observation.lost_share, network_share=observation.network_share)

    def _live(self) -> None:
        try:
            self._run_pipelines()
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._let_go()

    def _run_pipelines(self) -> None:
        """Run one pipeline after the other until the end, or until `error` says why there can be none."""
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

    def _run_pipeline(self) -> None:
        settings = self.settings
        engine, anonymizer = self._load(settings, self.ladder.rungs[self._step])
        if not self._is_timed:
            self._is_timed = True
            if self._begins_lower(engine):
                engine, anonymizer = self._load(settings, self.ladder.rungs[self._step])
        rung = self.ladder.rungs[self._step]
        self._watched = WatchedNetwork(self._parts.network(engine, rung, lambda: self.settings))
        pipeline = Pipeline(
            source=self._source if rung.picture_scale == 1 else SmallerPictures(self._source, rung),
            anonymizer=anonymizer,
            network=self._watched,
            matte_stream=AdjustableStream(lambda: self.settings),
            refiner=GuidedRefiner(),
            outputs=[Output(make_compositor(lambda: self.settings, self._background), ShowSink(self._show))],
            device=engine.device,
            seq_chunk=1,
            # The shortest queues: every frame that waits is late.
            frame_queue_size=1,
            sink_queue_size=1,
            on_progress=self.meter.progressed,
        )
        self._pipeline = pipeline
        self.meter.begin(pipeline.statistics)
        self._show.degraded = not rung.looks_like(self.ladder.rungs[0])
        self._started_at = time.monotonic()
        with self._changing:
            # Settings that came in the meantime may hide more; the pipeline that obeys them is the next one.
            if settings.anonymize == self.settings.anonymize:
                self._show.resume(SETTING_UP)
        try:
            statistics = pipeline.run()
        finally:
            self._started_at = self._pipeline = None
        self.trouble = ""
        self.runs = [*self.runs[-99:], statistics]

    def _begins_lower(self, engine: LoadedEngine) -> bool:
        """Return whether the run begins below full quality: there the network takes longer for an image than the camera."""
        if not self.ladder.begin(self._parts.network_seconds(engine, self.ladder.rung) * float(self._source.info.rate or USUAL_RATE)):
            return False
        self._step = self.ladder.step
        self._say(f"quality: {self.ladder.rung.name}")
        return True

    def _load(self, settings: LiveOptions, rung: Rung) -> tuple[LoadedEngine, Anonymizer]:
        """Return network and anonymizer for the settings and a rung; what fits already is kept, the others are loaded side by side."""
        wanted = settings.anonymize, rung.picture_scale
        if self._anonymizer_for != wanted:
            self._close_anonymizer()
        with ThreadPoolExecutor(1, thread_name_prefix="p3mvideo anonymizer") as pool:
            making = pool.submit(self._parts.anonymizer, settings.anonymize, rung) if self._anonymizer is None else None
            try:
                engine = self._engines.get(_key(rung))
                if engine is None:
                    self.loading = "loading the network"
                    engine = self._engines[_key(rung)] = self._parts.engine(rung)
            finally:
                if making is not None:
                    self.loading = "loading the face detector"
                    self._anonymizer, self._anonymizer_for = making.result(), wanted
                self.loading = ""
        assert self._anonymizer is not None
        if engine.description != self._description:
            self._description = engine.description
            self._say(f"network: {engine.description}")
        return engine, self._anonymizer

    def _let_go(self) -> None:
        """Forget networks and anonymizer, so that the next run makes them again: what a failure left of them is not known."""
        self._engines.clear()
        self._close_anonymizer()

    def _keep_engines(self, *rungs: Rung) -> None:
        """Forget the networks of all rungs but these. What another thread has forgotten meanwhile stays forgotten."""
        kept = {_key(rung) for rung in rungs}
        others = [key for key in tuple(self._engines) if key not in kept]
        for key in others:
            self._engines.pop(key, None)
        if others:
            give_back_memory()

    def _close_anonymizer(self) -> None:
        anonymizer, self._anonymizer = self._anonymizer, None
        if anonymizer is not None:
            anonymizer.close()

    def _tell(self, error: Exception, failures: int) -> None:
        message = error.message if isinstance(error, P3MVideoError) else f"{type(error).__name__}: {error}"
        self.trouble = textwrap.shorten(message, LONGEST_TROUBLE)  # it is one line of a window
        self._say(f"{self.trouble}; trying again ({failures} of {RETRIES})")
        if not isinstance(error, P3MVideoError):
            logger.warning("the pipeline failed", exc_info=error)

    def _end_what_is_stuck(self) -> None:
        """Let the pipeline fail if frames go in and none comes out."""
        pipeline, started_at, now = self._pipeline, self._started_at, time.monotonic()
        if self._source.paused or not self.meter.pending:
            self._idle_at = now
        if pipeline is None or started_at is None:
            return
        waits_since = max(started_at, self.meter.last_out_at, self._idle_at)
        limit_seconds = STUCK_SECONDS if self.meter.last_out_at > started_at else SET_UP_SECONDS
        if now - waits_since > limit_seconds:
            self._started_at = None
            pipeline.fail(DeviceError(f"no image has come out for {limit_seconds:g} s, the network or the face detector seems to hang"))

    def _take_step(self) -> None:
        """Load what the ladder's rung needs beside the running pipeline, then let the next pipeline begin with it. One that would lose part of the
        person is refused, and what the ladder has instead is tried."""
        before = self.ladder.rungs[self._step]
        while (step := self.ladder.step) != self._step:
            rung = self.ladder.rung
            try:
                if _key(rung) not in self._engines:
                    self._engines[_key(rung)] = self._parts.engine(rung)
                compared = rung.working_px < before.working_px and self.meter.newest.lost_share <= SEVERE_LOSS
                loses = compared and self._loses_person(self._engines[_key(rung)].engine, rung)
            except P3MVideoError as error:
                self._say(f"quality stays as it is: {error.message}")
                self.ladder = Ladder([before])
                self._step = 0
                return
            self._keep_engines(before, rung)  # more than these two would only fill the memory
            if not loses:
                self._step = step
                self._say(f"quality: {rung.name}")
                self._source.stop()
                return
            self._say(f"not taken, for part of the person would be lost: {rung.name}")
            self.ladder.refuse(self._step)

    def _loses_person(self, engine: MattingEngine, rung: Rung) -> bool:
        """Whether the network of another rung misses part of the person in what is seen at the moment."""
        size = rung.picture_size((self._source.info.width, self._source.info.height))
        for _ in range(COMPARISONS):
            seen = self.seen
            if seen is not None and lost_share(seen.matte, engine([at_size(seen.frame, size).pixels])[0]) > LARGEST_LOSS:
                return True
            if self._stopping.wait(COMPARISON_SECONDS):
                return False
        return False


def _key(rung: Rung) -> tuple[int | None, float, bool]:
    """Return what a rung's network depends on."""
    return rung.long_side_px, rung.picture_scale, rung.all_cores
