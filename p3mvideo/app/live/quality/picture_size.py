"""Pictures smaller than the camera's, for a computer that is too slow for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from p3mvideo.app.live.quality.quality_ladder import Rung
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.ops.shrink import shrunk
from p3mvideo.stages import FrameSource


class SmallerPictures:
    """A `FrameSource` with the frames of another one at the picture size of a rung. Whoever opened that source closes it.

    Args:
        source: Inside its context.
        rung: Whose pictures are smaller.
    """

    def __init__(self, source: FrameSource, rung: Rung) -> None:
        self._source = source
        self._size = rung.picture_size((source.info.width, source.info.height))

    @property
    def info(self) -> StreamInfo:
        """See `FrameSource`."""
        return replace(self._source.info, width=self._size[0], height=self._size[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Do nothing: the source goes on."""

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            yield at_size(frame, self._size)


def at_size(frame: Frame, size: tuple[int, int]) -> Frame:
    """Return a frame at a (width, height) that is no larger."""
    return frame if (frame.width, frame.height) == size else frame.with_pixels(shrunk(frame.interleaved(), size))


def enlarged(frame: Frame, size: tuple[int, int]) -> Frame:
    """Return a frame at a (width, height) that is no smaller."""
    if (frame.width, frame.height) == size:
        return frame
    return frame.with_pixels(np.asarray(cv2.resize(frame.interleaved(), size, interpolation=cv2.INTER_LINEAR), np.uint8))
