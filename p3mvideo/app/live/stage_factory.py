"""What a live run is made of: settings, and the parts that are made from them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from p3mvideo.app.live.quality.quality_ladder import Rung
from p3mvideo.compose import ForegroundEstimator, InYuv, ReplaceBackground
from p3mvideo.compose.background import Background
from p3mvideo.compose.brighten import Brighten
from p3mvideo.compose.frame_person import FramePerson
from p3mvideo.compose.keep import KeepOne
from p3mvideo.compose.light_wrap import LightWrap
from p3mvideo.cores import usable_cores
from p3mvideo.engine import LoadedEngine, StreamNetwork, at_quality, load_engine
from p3mvideo.frame import Frame
from p3mvideo.matte import Matte
from p3mvideo.options import EngineOptions, FaceOptions, LiveOptions, SmoothingOptions
from p3mvideo.options.faces import LEAST_MIN_FACE, AnonymizeMode
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.stages import Anonymizer, Compositor
from p3mvideo.temporal import MatteStream, make_matte_stream, make_region, make_schedule

TRIES = 3
"""How often the network's time is taken; the shortest counts, for something else may run at the same time."""


class StageFactory(Protocol):
    """Makes the parts that take long to make, or that tests replace."""

    def engine(self, rung: Rung) -> LoadedEngine:
        """Load the network for a level of quality."""
        ...

    def anonymizer(self, mode: AnonymizeMode, rung: Rung) -> Anonymizer:
        """Make the anonymizer for a level of quality."""
        ...

    def network_seconds(self, loaded: LoadedEngine, rung: Rung) -> float:
        """Return how long a network for a level of quality takes for an image, in seconds, while it has nothing else to do."""
        ...

    def network(self, loaded: LoadedEngine, rung: Rung, settings: Callable[[], LiveOptions]) -> StreamNetwork:
        """Make what looks at the frames of one stream for a level of quality, by settings that may change meanwhile."""
        ...


@dataclass(frozen=True, kw_only=True)
class DefaultStageFactory:
    """`StageFactory` by the options of a run."""

    size: tuple[int, int]
    """(width, height) of the frames, in pixels."""
    engine_options: EngineOptions = EngineOptions()
    """The ladder chooses the working size and how often the network looks."""
    faces: FaceOptions = FaceOptions()
    """From whom faces are hidden, the settings say."""

    def engine(self, rung: Rung) -> LoadedEngine:
        """See `StageFactory`."""
        width, height = rung.picture_size(self.size)
        ratio: float | Literal["auto"] = "auto" if rung.long_side_px is None else min(1.0, rung.long_side_px / max(width, height))
        # As a rule half of the cores: the other stages need the rest, and threads of one network that wait for one another cost processor time.
        threads = self.engine_options.threads or max(1, usable_cores() // (1 if rung.all_cores else 2))
        options = replace(self.engine_options, downsample_ratio=ratio, threads=threads)
        loaded = at_quality(load_engine(options, live=True), options.quality)
        # Runtimes compile at the first image, which takes seconds; the first real one should not wait for that.
        self._look_at_nothing(loaded, rung)
        return loaded

    def network_seconds(self, loaded: LoadedEngine, rung: Rung) -> float:
        """See `StageFactory`."""
        taken = []
        for _ in range(TRIES):
            started = time.perf_counter()
            self._look_at_nothing(loaded, rung)
            taken.append(time.perf_counter() - started)
        return min(taken)

    def _look_at_nothing(self, loaded: LoadedEngine, rung: Rung) -> None:
        width, height = rung.picture_size(self.size)
        image = Frame.from_interleaved(np.zeros((height, width, 3), np.uint8)).on(loaded.device)
        for matte in loaded.engine([image.pixels]):
            matte.alpha_array()  # waits for an accelerator

    def anonymizer(self, mode: AnonymizeMode, rung: Rung) -> Anonymizer:
        """See `StageFactory`."""
        faces = replace(self.faces, anonymize=mode, keep_subject=self.faces.keep_subject and mode == "output")
        if faces.min_face is not None:
            faces = replace(faces, min_face=max(LEAST_MIN_FACE, round(faces.min_face * rung.picture_scale)))
        return make_anonymizer(faces)

    def network(self, loaded: LoadedEngine, rung: Rung, settings: Callable[[], LiveOptions]) -> StreamNetwork:
        """See `StageFactory`."""
        schedule = make_schedule(replace(self.engine_options, network_every=rung.network_every), SmoothingOptions(lookahead=0), loaded.device)

        def needs_network(frame: Frame) -> bool:
            # Where smoothing carries no mattes along, the network looks at every frame, whatever was asked for.
            return schedule(frame) or not _follows_motion(settings())

        return StreamNetwork(loaded.engine, needs_network, make_region(self.engine_options, loaded.device, 1), loaded.is_ready)


class AdjustableStream:
    """A `MatteStream` by settings that may change while it is fed: without any look ahead, and of the people that are wanted.

    Args:
        settings: Returns the present ones.
    """

    def __init__(self, settings: Callable[[], LiveOptions]) -> None:
        self._settings = settings
        self._made_for = settings()
        self._stream = _make_stream(self._made_for)
        self._last: Matte | None = None

    def push(self, frame: Frame, matte: Matte | None) -> list[tuple[Frame, Matte]]:
        """See `MatteStream`."""
        settings = self._settings()
        # A stream that begins needs a matte; a frame without one was scheduled for the former.
        if settings is not self._made_for and matte is not None:
            if any(getattr(settings, name) != getattr(self._made_for, name) for name in ("smoothing", "smoothing_strength", "keep")):
                self._stream = _make_stream(settings)  # the former one holds nothing back
            self._made_for = settings
        if matte is None and not _follows_motion(self._made_for):
            matte = self._last  # scheduled for a former stream, too, that could do without
        if matte is not None:
            self._last = matte
        return self._stream.push(frame, matte)

    def flush(self) -> list[tuple[Frame, Matte]]:
        """See `MatteStream`."""
        return self._stream.flush()


def _follows_motion(settings: LiveOptions) -> bool:
    """Return whether smoothing carries mattes along with the motion, so that not every frame needs one of its own."""
    return settings.smoothing == "adaptive" and settings.smoothing_strength > 0


def _make_stream(settings: LiveOptions) -> MatteStream:
    """Return what steadies the mattes, and keeps the people that are wanted."""
    stream = make_matte_stream(SmoothingOptions(smoothing=settings.smoothing, smoothing_strength=settings.smoothing_strength, lookahead=0))
    return stream if settings.keep == "all" else _KeptStream(KeepOne(settings.keep), stream)


def make_compositor(settings: Callable[[], LiveOptions], background: Background) -> Compositor:
    """Return what puts the person before the background, by settings that may change meanwhile."""
    compositor: Compositor = InYuv(ReplaceBackground(background, ForegroundEstimator()))
    light_wrap = settings().light_wrap
    if light_wrap:
        compositor = LightWrap(compositor, background, light_wrap)
    return FramePerson(Brighten(compositor, lambda: settings().brighten), lambda: settings().frame_person)


class _KeptStream:
    """A `MatteStream` that sees only the people that are kept."""

    def __init__(self, keep: KeepOne, stream: MatteStream) -> None:
        self._keep, self._stream = keep, stream

    def push(self, frame: Frame, matte: Matte | None) -> list[tuple[Frame, Matte]]:
        return self._stream.push(frame, None if matte is None else self._keep(frame, matte))

    def flush(self) -> list[tuple[Frame, Matte]]:
        self._keep.reset()
        return self._stream.flush()
