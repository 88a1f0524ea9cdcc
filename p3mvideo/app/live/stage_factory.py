"""What a live run is made of: settings, and the parts that are made from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from p3mvideo.app.face_options import FaceOptions
from p3mvideo.app.live.quality_ladder import Rung
from p3mvideo.app.live.settings import AnonymizeMode, LiveSettings
from p3mvideo.compose import ForegroundEstimator, ReplaceBackground
from p3mvideo.compose.background import Background
from p3mvideo.compose.keep import KeepOne
from p3mvideo.compose.light_wrap import LightWrap
from p3mvideo.engine import LoadedMatter, make_matter
from p3mvideo.engine.make_matter import Precision, Runtime
from p3mvideo.errors import P3MVideoError
from p3mvideo.frame import Anonymizer, Compositor, Frame, Matte
from p3mvideo.temporal import MatteStream, make_matte_stream


class LiveParts(Protocol):
    """Makes the parts that take long to make, or that tests replace."""

    def matter(self, rung: Rung) -> LoadedMatter:
        """Load the network for a level of quality."""
        ...

    def anonymizer(self, mode: AnonymizeMode, rung: Rung) -> Anonymizer:
        """Make the anonymizer for a level of quality."""
        ...


@dataclass(frozen=True, kw_only=True)
class RealParts:
    """`LiveParts` by the options of `make_matter` and those for faces."""

    size: tuple[int, int]
    """(width, height) of the frames, in pixels."""
    device: str = "auto"
    runtime: Runtime = "auto"
    precision: Precision = "auto"
    threads: int = 0
    faces: FaceOptions = field(default_factory=FaceOptions)

    def matter(self, rung: Rung) -> LoadedMatter:
        """See `LiveParts`."""
        ratio = None if rung.long_side_px is None else min(1.0, rung.long_side_px / max(self.size))
        loaded = make_matter(
            rung.model, device=self.device, runtime=self.runtime, precision=self.precision, downsample_ratio=ratio,
            threads=self.threads, live=True,
        )  # fmt: skip
        # Runtimes compile at the first picture, which takes seconds; the first real one should not wait for that.
        with torch.no_grad():
            loaded.matter([torch.zeros(self.size[1], self.size[0], 3, dtype=torch.uint8, device=loaded.device).permute(2, 0, 1)])
        return loaded

    def anonymizer(self, mode: AnonymizeMode, rung: Rung) -> Anonymizer:
        """See `LiveParts`."""
        # Whatever the rung says: where viewers are not to see faces, every frame is looked at.
        return self.faces.make(mode, look_every=rung.detector_every)


def make_stream(settings: LiveSettings) -> MatteStream:
    """Return what steadies the mattes, without any look ahead, and keeps the people that are wanted."""
    stream = make_matte_stream(settings.smoothing, settings.smoothing_strength, 0)
    return _CheckedStream(None if settings.keep == "all" else KeepOne(settings.keep), stream)


def make_compositor(settings: LiveSettings, background: Background) -> Compositor:
    """Return what puts the person before the background."""
    compositor = ReplaceBackground(background, ForegroundEstimator())
    return LightWrap(compositor, background, settings.light_wrap) if settings.light_wrap else compositor


class _CheckedStream:
    """A `MatteStream` that takes mattes made of numbers only, and sees only the people that are kept."""

    def __init__(self, keep: KeepOne | None, stream: MatteStream) -> None:
        self._keep, self._stream = keep, stream

    def push(self, frame: Frame, matte: Matte) -> list[tuple[Frame, Matte]]:
        # What is not a number would be shown as whatever the last conversion makes of it; and a sum with it is none.
        if not math.isfinite(float(np.sum(matte.alpha.cpu().numpy()))):
            raise P3MVideoError("the network gave a matte that is not made of numbers", hint="use --precision f32")
        return self._stream.push(frame, matte if self._keep is None else self._keep(frame, matte))

    def flush(self) -> list[tuple[Frame, Matte]]:
        if self._keep is not None:
            self._keep.reset()
        return self._stream.flush()
