"""What a matte tells of alpha, whether it holds numbers or levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3mvideo.matte import Matte


@given(seed=st.integers(0, 1000), height=st.integers(1, 9), width=st.integers(1, 9))
def test_levels_and_numbers_are_the_same_matte(seed: int, height: int, width: int) -> None:
    levels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    of_levels, of_numbers = Matte.of_levels(levels), Matte((levels[None] / 255).astype(np.float32))
    for matte in (of_levels, of_numbers):
        assert matte.shape == (height, width)
        assert matte.on_host
        assert not matte.has_semantic
        assert np.array_equal(matte.levels_array(), levels)
        assert matte.alpha_array().dtype == np.float32
        assert np.abs(matte.alpha_array() - levels / 255).max() < 1e-6
        assert tuple(matte.alpha.shape) == (1, height, width)
        assert np.array_equal(matte.only_alpha().levels_array(), levels)
    halved = of_levels.with_arrays(of_levels.alpha_array() * np.float32(0.5))
    assert np.abs(halved.levels_array() - levels / 2).max() <= 0.5


def test_levels_are_rounded_and_clipped() -> None:
    alpha = np.array([[0.0, 0.4 / 255, 0.6 / 255, 1.0, 1.2]], np.float32)
    assert Matte(alpha[None]).levels_array().tolist() == [[0, 0, 1, 255, 255]]


@pytest.mark.parametrize("levels", [np.zeros((1, 2, 3), np.uint8), np.zeros((2, 3), np.float32)])
def test_other_arrays_are_no_levels(levels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(H, W\)"):
        Matte.of_levels(levels)
