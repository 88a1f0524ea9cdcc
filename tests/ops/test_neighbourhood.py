"""Means of neighbourhoods on smaller images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.ops.neighbourhood import enlarged, neighbourhood_mean


@settings(max_examples=40)
@given(height=st.integers(1, 60), width=st.integers(1, 60), shrink=st.integers(1, 5), side=st.integers(1, 30), level=st.floats(0, 1, width=32))
def test_what_is_even_stays_even(height: int, width: int, shrink: int, side: int, level: float) -> None:
    mean = neighbourhood_mean(np.full((height, width), level, np.float32), side_px=side, shrink=shrink)
    assert mean.shape == (max(1, height // shrink), max(1, width // shrink))
    again = enlarged(mean, (height, width))
    assert again.shape == (height, width)
    np.testing.assert_allclose(again, level, atol=1e-5)


@pytest.mark.parametrize("shrink", [1, 2, 4])
def test_a_neighbourhood_has_its_side(shrink: int) -> None:
    image = np.zeros((80, 160), np.float32)
    image[40:44, 80:84] = 1
    mean = neighbourhood_mean(image, side_px=20 // shrink, shrink=shrink)
    reached = np.argwhere(mean > 1e-6)
    high, wide = (reached.max(0) - reached.min(0) + 1) * shrink
    assert (high, wide) == pytest.approx((20 + 4, 20 + 4), abs=2 * shrink)
    assert mean.sum() * shrink**2 == pytest.approx(image.sum(), rel=1e-4)
