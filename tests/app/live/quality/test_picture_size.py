"""Pictures smaller than the camera's, and enlarged again."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import pytest

from p3mvideo.app.live.quality.picture_size import SmallerPictures, enlarged
from p3mvideo.app.live.quality.quality_ladder import Rung
from p3mvideo.frame import Frame, StreamInfo, UInt8Array


def smooth_image(width: int, height: int) -> UInt8Array:
    coarse = np.random.default_rng(2).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


class Camera:
    """Three frames of one image."""

    def __init__(self, width: int, height: int) -> None:
        self.info = StreamInfo(width, height, Fraction(30), live=True)
        self.left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.left += 1

    def __iter__(self) -> Iterator[Frame]:
        for number in range(3):
            yield Frame.from_interleaved(smooth_image(self.info.width, self.info.height), 7 * number, Fraction(1, 90))


@pytest.mark.parametrize(("size", "scale", "expected"), [((1280, 720), 2 / 3, (854, 480)), ((642, 362), 0.5, (320, 180)), ((96, 64), 1.0, (96, 64))])
def test_frames_are_smaller_and_keep_their_times(size: tuple[int, int], scale: float, expected: tuple[int, int]) -> None:
    camera = Camera(*size)
    with SmallerPictures(camera, Rung("small", picture_scale=scale)) as pictures:
        frames = list(pictures)
        assert pictures.info == StreamInfo(*expected, Fraction(30), live=True)
    assert [(frame.width, frame.height) for frame in frames] == [expected] * 3
    assert [(frame.pts, frame.time_base) for frame in frames] == [(7 * number, Fraction(1, 90)) for number in range(3)]
    assert not camera.left, "whoever opened the camera closes it"


def test_what_is_enlarged_looks_as_before() -> None:
    (frame, *_) = SmallerPictures(Camera(320, 180), Rung("small", picture_scale=0.5))
    large = enlarged(frame, (320, 180))
    assert (large.width, large.height, large.pts) == (320, 180, frame.pts)
    assert np.abs(large.interleaved().astype(int) - smooth_image(320, 180)).mean() < 2
    assert enlarged(large, (320, 180)) is large
