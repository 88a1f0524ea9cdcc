"""What `--bg` means, and backgrounds that move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import pytest
import torch

from p3mvideo.compose import BlurBackground, VideoBackground, fit_to, parse_background
from p3mvideo.compose.background import BackgroundSpec
from p3mvideo.errors import ConfigError, SourceError
from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.options.background import Fit
from p3mvideo.yuv420 import BT601, Yuv420


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("white", BackgroundSpec("colour", (255, 255, 255))),
        (" Black ", BackgroundSpec("colour", (0, 0, 0))),
        ("#0f8", BackgroundSpec("colour", (0, 255, 136))),
        ("#0F8a10", BackgroundSpec("colour", (15, 138, 16))),
        ("1,2,3", BackgroundSpec("colour", (1, 2, 3))),
        ("255, 0 ,7", BackgroundSpec("colour", (255, 0, 7))),
        ("blur", BackgroundSpec("blur", strength=0.5)),
        ("blur:0.25", BackgroundSpec("blur", strength=0.25)),
        ("BLUR:1", BackgroundSpec("blur", strength=1.0)),
        ("transparent", BackgroundSpec("transparent")),
        ("beach.jpg", BackgroundSpec("file")),
        ("1,2", BackgroundSpec("file")),
        ("blurred.png", BackgroundSpec("file")),
    ],
)
def test_what_a_background_means(text: str, spec: BackgroundSpec) -> None:
    assert parse_background(text) == spec


@pytest.mark.parametrize("text", ["#12", "#12345", "#ggg", "#", "256,0,0", "1,2,999", "blur:", "blur:0", "blur:-1", "blur:1.1", "blur:x", "blur:nan"])
def test_a_wrong_background_is_named_with_a_hint(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_background(text)
    assert text in caught.value.message
    assert caught.value.hint


def quarters(width: int, height: int) -> UInt8Array:
    """Return an image whose four quarters are red, green, blue and white."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = 255, 0, 0
    image[: height // 2, width // 2 :] = 0, 255, 0
    image[height // 2 :, : width // 2] = 0, 0, 255
    image[height // 2 :, width // 2 :] = 255, 255, 255
    return image


R, G, B, W, K = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


@pytest.mark.parametrize(
    ("fit", "size", "corners"),
    [
        # upper left, upper right, lower left, lower right, and the middle of the left and of the upper side
        ("stretch", (80, 20), (R, G, B, W)),
        ("stretch", (10, 60), (R, G, B, W)),
        ("cover", (80, 20), (R, G, B, W)),
        ("cover", (20, 60), (R, G, B, W)),
        ("contain", (160, 20), (K, K, K, K)),
        ("contain", (40, 120), (K, K, K, K)),
        ("contain", (80, 40), (R, G, B, W)),
        ("tile", (60, 30), (R, R, R, R)),
        ("tile", (40, 20), (R, G, B, W)),
        ("tile", (19, 9), (R, R, R, R)),
    ],
)
def test_how_a_image_of_40x20_fits(fit: Fit, size: tuple[int, int], corners: Sequence[tuple[int, int, int]]) -> None:
    fitted = fit_to(quarters(40, 20), *size, fit)
    assert fitted.shape == (size[1], size[0], 3)
    assert fitted.dtype == np.uint8
    assert [tuple(map(int, fitted[y, x])) for y, x in ((0, 0), (0, -1), (-1, 0), (-1, -1))] == list(corners)


def test_contain_shows_everything_in_the_middle() -> None:
    fitted = fit_to(quarters(40, 20), 80, 80, "contain")
    assert not fitted[:20].any()
    assert not fitted[60:].any()
    assert np.abs(fitted[20:60].astype(int) - fit_to(quarters(40, 20), 80, 40, "stretch")).max() == 0


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch", "tile"])
@pytest.mark.parametrize("image", [(1, 1), (3, 500), (500, 3), (64, 48)])
@pytest.mark.parametrize("frame", [(1, 1), (7, 300), (300, 7)])
def test_every_image_fits_every_frame(fit: Fit, image: tuple[int, int], frame: tuple[int, int]) -> None:
    fitted = fit_to(np.full((image[1], image[0], 3), 100, np.uint8), *frame, fit)
    assert fitted.shape == (frame[1], frame[0], 3)
    assert fitted.flags.c_contiguous
    assert set(np.unique(fitted)) <= ({0, 100} if fit == "contain" else {100})


class Clip:
    """A video of grey images; image i has the brightness 10 i."""

    def __init__(self, times: Sequence[Fraction], last: Fraction, *, breaks_at: int | None = None) -> None:
        self._times, self._last, self._breaks_at = times, last, breaks_at
        self.opened = self.closed = 0

    def __call__(self) -> Self:
        return self

    @property
    def info(self) -> StreamInfo:
        return StreamInfo(4, 2)

    def __enter__(self) -> Self:
        self.opened += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.closed += 1

    def __iter__(self) -> Iterator[Frame]:
        ends = [*self._times[1:], self._times[-1] + self._last] if self._times else []
        for number, (start, end) in enumerate(zip(self._times, ends, strict=True)):
            if number == self._breaks_at:
                raise SourceError("clip.mp4 is damaged")
            pixels = np.full((2, 4, 3), 10 * number, np.uint8)
            yield Frame.from_interleaved(pixels, round(start * 1000), Fraction(1, 1000), round((end - start) * 1000))


def steady(rate: int, frames: int, first: Fraction = Fraction(0)) -> Clip:
    return Clip([first + Fraction(number, rate) for number in range(frames)], Fraction(1, rate))


def shown(background: VideoBackground, times: Sequence[Fraction]) -> list[int]:
    """Return the number of the clip's image that stands behind frames at these times."""
    matte = Matte(torch.zeros(1, 2, 4))
    frame = np.zeros((2, 4, 3), np.uint8)
    images = [background(Frame.from_interleaved(frame, round(at * 1000), Fraction(1, 1000)), matte) for at in times]
    return [int(image[0, 0, 0]) // 10 for image in images]


def seconds(*values: float) -> list[Fraction]:
    return [Fraction(value).limit_denominator(1000) for value in values]


@pytest.mark.parametrize(
    ("clip", "times", "expected"),
    [
        (steady(10, 4), seconds(0, 0.1, 0.2, 0.3), [0, 1, 2, 3]),
        # Twice as fast as the frames, and half as fast.
        (steady(20, 20), seconds(0, 0.1, 0.2, 0.3), [0, 2, 4, 6]),
        (steady(5, 20), seconds(0, 0.1, 0.2, 0.3, 0.4), [0, 0, 1, 1, 2]),
        # It loops, and the loop is as long as its images are shown.
        (steady(10, 3), seconds(0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), [0, 1, 2, 0, 1, 2, 0]),
        (steady(10, 3), seconds(0, 1.0, 1.1), [0, 1, 2]),
        (steady(10, 1), seconds(0, 5, 6), [0, 0, 0]),
        # Frames at uneven times, beginning late; the clip's own clock begins late too.
        (steady(10, 10, Fraction(7)), seconds(3, 3.05, 3.31, 3.32, 3.9), [0, 0, 3, 3, 9]),
        # A clip at uneven times.
        (Clip(seconds(0, 0.05, 0.5), Fraction(1, 2)), seconds(0, 0.04, 0.06, 0.49, 0.5, 0.99, 1.0, 1.06), [0, 0, 1, 1, 2, 2, 0, 1]),
    ],
)
def test_a_video_background_keeps_its_own_clock(clip: Clip, times: list[Fraction], expected: list[int]) -> None:
    assert shown(VideoBackground(clip), times) == expected


def test_a_video_background_releases_every_round() -> None:
    clip = steady(10, 3)
    background = VideoBackground(clip)
    shown(background, seconds(*(number / 5 for number in range(11))))
    background.close()
    background.close()
    assert clip.opened == clip.closed > 5


def test_a_jump_of_the_clock_leaves_out_whole_rounds_of_a_video_background() -> None:
    clip = steady(10, 3)
    assert shown(VideoBackground(clip), seconds(0, 0.1, 200_000, 200_000.1, 200_000.2)) == [0, 1, 2, 0, 1]
    assert clip.opened < 5


def test_a_video_background_that_breaks_says_so() -> None:
    background = VideoBackground(Clip(seconds(0, 0.1, 0.2, 0.3, 0.4), Fraction(1, 10), breaks_at=3))
    assert shown(background, seconds(0, 0.1)) == [0, 1]
    with pytest.raises(SourceError, match="damaged"):
        shown(background, seconds(0.2))
    with pytest.raises(SourceError, match="damaged"):
        VideoBackground(Clip(seconds(0, 0.1), Fraction(1, 10), breaks_at=1))


def test_an_empty_video_is_no_background() -> None:
    clip = Clip([], Fraction(1))
    with pytest.raises(SourceError, match="no frames"):
        VideoBackground(clip)


def test_a_video_background_follows_the_size_of_the_frames() -> None:
    background = VideoBackground(steady(10, 3), "stretch")
    for width, height in ((4, 2), (8, 6), (4, 2)):
        frame = Frame.from_interleaved(np.zeros((height, width, 3), np.uint8))
        assert background(frame, Matte(torch.zeros(1, height, width))).shape == (height, width, 3)


@pytest.mark.parametrize("weights", [BT601, (0.2126, 0.0722)])
def test_a_blurred_room_is_the_same_whether_the_video_brings_yuv_or_rgb(weights: tuple[float, float]) -> None:
    image = cv2.resize(np.random.default_rng(3).integers(0, 256, (9, 16, 3), dtype=np.uint8), (640, 360), interpolation=cv2.INTER_CUBIC)
    alpha = np.zeros((360, 640), np.float32)
    alpha[100:, 200:400] = 1
    yuv = Yuv420.of_rgb(np.asarray(image, np.uint8), weights)
    frames = Frame(None, 0, Fraction(1, 30), yuv=yuv), Frame.from_interleaved(yuv.rgb())
    of_yuv, of_rgb = (BlurBackground()(frame, Matte(alpha[None])) for frame in frames)
    assert np.abs(of_yuv.astype(int) - of_rgb).max() <= 3


def test_a_white_room_stays_white_when_it_is_blurred() -> None:
    alpha = np.zeros((180, 320), np.float32)
    alpha[60:, 100:200] = 1
    for level in (255, 128):
        room = BlurBackground()(Frame.from_interleaved(np.full((180, 320, 3), level, np.uint8)), Matte(alpha[None]))
        assert (room == level).mean() > 0.999
