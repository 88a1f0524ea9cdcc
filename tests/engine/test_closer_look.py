"""An engine that looks closer at the part of an image where people are."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.engine.closer_look import LARGEST_ZOOM, MARGIN, WEIGHT, CloserLook
from p3mvideo.frame import Pixels, UInt8Array
from p3mvideo.matte import Matte

SIDE_PX = 64
"""Longer side of the mattes of `Watched`."""


class Watched:
    """An engine whose alpha is the red channel at working size, and that remembers what it was shown.

    Args:
        gain: Factor of alpha in every look but the first.
    """

    def __init__(self, gain: float = 1.0, *, semantic: bool = False) -> None:
        self._gain, self._semantic = gain, semantic
        self.shown: list[UInt8Array] = []

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        assert size in ((SIDE_PX, 3 * SIDE_PX // 4), None)
        return [self._matte(np.asarray(image.permute(1, 2, 0) if isinstance(image, torch.Tensor) else image)) for image in images]

    def _matte(self, image: UInt8Array) -> Matte:
        size = SIDE_PX, 3 * SIDE_PX // 4
        red = cv2.resize(image[..., 0], size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
        red *= np.float32(self._gain if self.shown else 1.0)
        self.shown.append(image)
        return Matte(red[None], np.stack([red] * 3) if self._semantic else None)


def someone_at(top: int, left: int, height: int, width: int) -> UInt8Array:
    image = np.zeros((192, 256, 3), np.uint8)
    image[top : top + height, left : left + width] = 255
    return image


@pytest.mark.parametrize(("top", "left"), [(80, 100), (0, 100), (150, 0), (152, 236)])
def test_who_is_small_is_looked_at_closer_with_something_around_them(top: int, left: int) -> None:
    engine = Watched()
    CloserLook(engine)([someone_at(top, left, 40, 20)])
    whole, part = engine.shown
    assert whole.shape == (192, 256, 3)
    assert part.shape[1] / part.shape[0] == pytest.approx(256 / 192, abs=0.1)
    rows, columns = np.flatnonzero(part[..., 0].any(1)), np.flatnonzero(part[..., 0].any(0))
    assert (rows.size, columns.size) == (40, 20), "all of them is in it"
    around = (rows[0], part.shape[0] - 1 - rows[-1], columns[0], part.shape[1] - 1 - columns[-1])
    room = (top, 192 - top - 40, left, 256 - left - 20)
    assert all(shown >= min(MARGIN * 40 - 4, possible) for shown, possible in zip(around, room, strict=True))


def test_nobody_is_enlarged_too_much() -> None:
    engine = Watched()
    CloserLook(engine)([someone_at(100, 120, 8, 8)])
    assert max(engine.shown[1].shape) == pytest.approx(256 / LARGEST_ZOOM, abs=5)


def test_one_look_is_enough_for_who_fills_the_image_and_where_there_is_no_one() -> None:
    for image in (someone_at(20, 8, 172, 240), someone_at(0, 0, 0, 0)):
        engine = Watched()
        (matte,) = CloserLook(engine)([image])
        assert len(engine.shown) == 1
        np.testing.assert_array_equal(matte.alpha_array(), Watched()([image])[0].alpha_array())


def test_the_mean_of_both_looks_is_taken_where_people_are() -> None:
    image = someone_at(80, 100, 40, 20)
    (matte,) = CloserLook(Watched(0.5, semantic=True))([image])
    alpha, semantic = matte.alpha_array(), matte.semantic_array()
    np.testing.assert_allclose(alpha[23:27, 27:28], 1 - WEIGHT / 2, atol=1e-6)
    assert not alpha[:10].any()
    assert semantic is not None
    np.testing.assert_array_equal(semantic, np.stack([alpha] * 3))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 150), st.integers(0, 200), st.integers(8, 60), st.integers(8, 60))
def test_two_looks_that_agree_change_nothing(top: int, left: int, height: int, width: int) -> None:
    image = np.asarray(cv2.GaussianBlur(someone_at(top, left, height, width), (0, 0), 6), np.uint8)
    (whole,), (both,) = Watched()([image]), CloserLook(Watched())([image])
    assert np.abs(whole.alpha_array() - both.alpha_array()).max() < 0.12  # the part begins between pixels


def test_tensors_give_what_arrays_give() -> None:
    image = someone_at(80, 100, 40, 20)
    (of_array,), (of_tensor,) = CloserLook(Watched(0.5))([image]), CloserLook(Watched(0.5))([torch.as_tensor(image).permute(2, 0, 1)])
    np.testing.assert_array_equal(of_array.alpha_array(), of_tensor.alpha_array())
