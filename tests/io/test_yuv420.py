"""YUV 4:2:0: converted by the matrix of the video, and edited without touching anything else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.colour import LUMA_WEIGHTS
from p3mvideo.yuv420 import BT601, Yuv420

BT709 = LUMA_WEIGHTS[1]
NOISE = np.random.default_rng(3).integers(0, 256, (24, 32, 3), np.uint8)


def flat(colour: tuple[int, int, int]) -> UInt8Array:
    return np.full((4, 6, 3), colour, np.uint8)


@pytest.mark.parametrize(
    ("colour", "bt601", "bt709"),  # by ITU-R BT.601-7 and BT.709-6, rounded
    [
        ((255, 255, 255), (235, 128, 128), (235, 128, 128)), ((0, 0, 0), (16, 128, 128), (16, 128, 128)),
        ((255, 0, 0), (81, 90, 240), (63, 102, 240)), ((0, 255, 0), (145, 54, 34), (173, 42, 26)), ((0, 0, 255), (41, 240, 110), (32, 240, 118)),
    ],
)  # fmt: skip
def test_colours_are_converted_by_the_matrix_there_and_back(
    colour: tuple[int, int, int], bt601: tuple[int, int, int], bt709: tuple[int, int, int]
) -> None:
    for matrix, expected in ((6, bt601), (1, bt709)):
        yuv = Yuv420.of_rgb(flat(colour), LUMA_WEIGHTS[matrix])
        found = np.array([yuv.y[0, 0], *yuv.uv[0, 0]], int)
        assert np.abs(found - expected).max() <= 1
        assert np.abs(yuv.rgb().astype(int) - colour).max() <= 2
        assert np.abs(yuv.gray().astype(int) - (yuv.y[0, 0] - 16.0) * 255 / 219).max() <= 0.51


@pytest.mark.parametrize("weights", [BT709, BT601])
def test_chroma_is_the_mean_of_four_pixels(weights: tuple[float, float]) -> None:
    yuv, (of_red, of_blue) = Yuv420.of_rgb(NOISE, weights), weights
    red, green, blue = np.moveaxis(NOISE.astype(float), 2, 0)
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    assert np.abs(yuv.y - (16 + luma * 219 / 255)).max() < 1
    blueness = (128 + (blue - luma) / (2 - 2 * of_blue) * 224 / 255).reshape(12, 2, 16, 2).mean(axis=(1, 3))
    assert np.abs(yuv.uv[..., 0] - blueness).max() < 1.5


def test_the_matrix_that_opencv_knows_is_converted_back_as_others_are() -> None:
    yuv = Yuv420.of_rgb(NOISE, BT601)
    almost = Yuv420(yuv.y, yuv.uv, (BT601[0] + 1e-9, BT601[1]))
    assert np.abs(yuv.rgb().astype(int) - almost.rgb()).max() <= 1


def test_an_edit_changes_nothing_but_its_place() -> None:
    yuv, other = Yuv420.of_rgb(NOISE, BT709), 255 - NOISE
    mask = np.zeros((7, 9), np.uint8)
    mask[1:6, 2:7] = 40
    edited, whole = yuv.edited(other, [((5, 3, 14, 10), mask)]), Yuv420.of_rgb(other, BT709)
    taken = np.zeros((24, 32), bool)
    taken[4:9, 7:12] = True
    shared = np.asarray(taken.reshape(12, 2, 16, 2).any(axis=(1, 3)))
    assert np.array_equal(edited.y, np.where(taken, whole.y, yuv.y))
    assert np.array_equal(edited.uv, np.where(shared[..., None], whole.uv, yuv.uv))


def test_a_frame_in_yuv_is_an_rgb_frame_to_whoever_asks() -> None:
    given = replace(Frame.from_interleaved(NOISE), yuv=Yuv420.of_rgb(NOISE, BT709))
    bare = replace(given, rgb=None)
    assert bare.shape == given.shape == (3, 24, 32)
    assert np.array_equal(bare.interleaved(), Yuv420.of_rgb(NOISE, BT709).rgb())
    assert given.with_image(given.pixels) is given
    assert given.with_image(given.image.clone()).yuv is None, "another image is not what the video stores"
    assert given.in_rgb.yuv is None
    with pytest.raises(ValueError, match="image"):
        replace(bare, yuv=None)
