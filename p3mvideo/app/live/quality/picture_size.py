"""Pictures smaller than the camera's, for a computer that is too slow for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import torch

from p3mvideo.app.live.quality.quality_ladder import Rung
from p3mvideo.engine.shrink import shrink_on_cpu
from p3mvideo.frame import Frame, StreamInfo
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
            yield frame.with_image(at_size(frame.image, self._size))


def at_size(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return an image, uint8 (3, H, W), at a (width, height) that is no larger."""
    if (image.shape[2], image.shape[1]) == size:
        return image
    return torch.from_numpy(shrink_on_cpu(image.cpu(), size)).permute(2, 0, 1).to(image.device)


def enlarged(frame: Frame, size: tuple[int, int]) -> Frame:
    """Return a frame at a (width, height) that is no smaller."""
    if (frame.width, frame.height) == size:
        return frame
    return frame.with_pixels(np.asarray(cv2.resize(frame.interleaved(), size, interpolation=cv2.INTER_LINEAR), np.uint8))
