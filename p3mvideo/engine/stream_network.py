"""The network over the frames of a stream: it looks at those that need it, and where the person can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np

from p3mvideo.engine.load_engine import LoadedEngine, always_ready
from p3mvideo.frame import Float32Array, Frame, Pixels
from p3mvideo.matte import BACKGROUND, Matte
from p3mvideo.ops.matte_check import checked_mattes
from p3mvideo.options import EngineOptions, SmoothingOptions
from p3mvideo.stages import MattingEngine
from p3mvideo.temporal import PersonRegion, every_frame, make_region, make_schedule
from p3mvideo.temporal.person_region import Part


class StreamNetwork:
    """Finds the person in the frames of one stream. Called with each frame once, in order.

    Args:
        engine: Makes the mattes.
        needs_network: Tells for each frame whether the network looks at it.
        region: Tells where; None looks at whole frames.
        is_ready: Whether the engine can work at a size (width, height) without delay; where it cannot, it looks at whole frames.
    """

    def __init__(
        self,
        engine: MattingEngine,
        needs_network: Callable[[Frame], bool] = every_frame,
        region: PersonRegion | None = None,
        is_ready: Callable[[tuple[int, int]], bool] = always_ready,
    ) -> None:
        self._engine, self._needs_network, self._region, self._is_ready = engine, needs_network, region, is_ready
        self._size: tuple[int, int] | None = None
        """Working size of whole frames."""

    def __call__(self, frames: Sequence[Frame]) -> list[Matte | None]:
        """Return a matte at working size for each of the next frames; None for those that the network did not look at.

        Raises:
            P3MVideoError: The network gave something else than mattes.
        """
        needed = [self._needs_network(frame) for frame in frames]
        looked = [(frame.pixels, self._part(frame)) for frame, need in zip(frames, needed, strict=True) if need]
        mattes: list[Matte] = []
        for (_, part), group in groupby(looked, key=lambda pair: (pair[0].shape, pair[1])):
            images = [image for image, _ in group]
            mattes += self._of_whole(images) if part is None else self._of_part(images, part)
        found = iter(mattes)
        made = [next(found) if need else None for need in needed]
        if self._region is not None:
            for frame, matte in zip(frames, made, strict=True):
                if matte is not None:
                    self._region.learn(frame, matte)
        return made

    def _part(self, frame: Frame) -> Part | None:
        part = None if self._region is None else self._region.part(frame)
        return part if part is not None and self._is_ready(_size_of(part, self._size)) else None

    def _of_whole(self, images: list[Pixels]) -> list[Matte]:
        mattes = checked_mattes(self._engine(images), len(images))
        height, width = mattes[0].shape
        self._size = (width, height)
        return mattes

    def _of_part(self, images: list[Pixels], part: Part) -> list[Matte]:
        """Return mattes of whole frames of which the network sees a part."""
        views = [_cut(image, part) for image in images]
        return [_widened(matte, part) for matte in checked_mattes(self._engine(views, _size_of(part, self._size)), len(views))]


def make_stream_network(loaded: LoadedEngine, options: EngineOptions, smoothing: SmoothingOptions) -> StreamNetwork:
    """Return what looks at the frames of one stream, `seq_chunk` of them at a time.

    Args:
        loaded: The network.
        options: Say at which frames it looks, and where.
        smoothing: Carries mattes to the other frames, see `make_schedule`.

    Raises:
        ConfigError: See `make_schedule`.
    """
    return StreamNetwork(loaded.engine, make_schedule(options, smoothing, loaded.device), make_region(options, loaded.device, options.seq_chunk))


def _size_of(part: Part, whole: tuple[int, int] | None) -> tuple[int, int]:
    """Return the (width, height) of a part, by those of the whole frame."""
    assert whole is not None  # a part is chosen by a matte of the whole
    width, height = whole
    return (part.length, height) if part.axis == 2 else (width, part.length)


def _cut(image: Pixels, part: Part) -> Pixels:
    """Return a view of a part of an image."""
    on_host = isinstance(image, np.ndarray)
    length = image.shape[part.axis - 1 if on_host else part.axis]
    rows, columns = _window(part, *(round(place * length / part.whole) for place in (part.start, part.start + part.length)))
    return image[rows, columns] if on_host else image[:, rows, columns]


def _widened(matte: Matte, part: Part) -> Matte:
    """Return the matte of a whole frame from that of a part; the rest is background."""
    alpha, semantic = matte.alpha_array(), matte.semantic_array()
    return matte.with_arrays(_set_into(alpha[None], part, BACKGROUND[:1])[0], None if semantic is None else _set_into(semantic, part, BACKGROUND[1:]))


def _set_into(values: Float32Array, part: Part, elsewhere: Float32Array) -> Float32Array:
    shape = list(values.shape)
    shape[part.axis] = part.whole
    wide = np.empty(shape, np.float32)
    wide[:] = elsewhere[:, None, None]
    rows, columns = _window(part, part.start, part.start + part.length)
    wide[:, rows, columns] = values
    return wide


def _window(part: Part, first: int, end: int) -> tuple[slice, slice]:
    """Return the rows and columns from `first` to before `end` along a part's axis."""
    along = slice(first, end)
    return (along, slice(None)) if part.axis == 1 else (slice(None), along)
