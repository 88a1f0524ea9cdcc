"""Chances with which portraits are drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3mvideo.errors import DatasetError
from p3mvideo.training.samples.portrait_order import PortraitOrder, draw_probabilities

NAMES = ["a_1", "a_2", "b_1", "b_2", "b_3", "c_1"]


@given(st.floats(0.01, 0.49), st.floats(0.01, 0.49))
def test_shares_are_kept(first: float, second: float) -> None:
    chances = draw_probabilities(NAMES, {"a_": first, "b_": second})
    assert chances.sum() == pytest.approx(1)
    assert chances[:2].sum() == pytest.approx(first)
    assert chances[2:5].sum() == pytest.approx(second)
    assert chances[0] == chances[1]


def test_without_shares_all_are_alike() -> None:
    assert draw_probabilities(NAMES, {}) == pytest.approx(np.full(6, 1 / 6))


def test_earlier_prefix_wins_where_two_fit() -> None:
    assert draw_probabilities(NAMES, {"a_1": 0.5, "a_": 0.1})[:2] == pytest.approx([0.5, 0.1])


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"x_": 0.1}, "starts with 'x_'"),
        ({"a_": 0.7, "b_": 0.4}, "sum to 1.1"),
        ({"a_": 0.6, "b_": 0.4}, "leaves nothing"),
        ({"a_": 0.0}, "above 0"),
        ({"a_": -0.1}, "above 0"),
    ],
)
def test_shares_that_make_no_sense(shares: dict[str, float], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        draw_probabilities(NAMES, shares)


def test_draws_follow_the_shares() -> None:
    order = PortraitOrder(NAMES, shares={"a_": 0.8}, seed=0)
    rng = np.random.default_rng(0)
    drawn = [order.at(index, rng) for index in range(2000)]
    assert np.mean([name.startswith("a_") for name in drawn]) == pytest.approx(0.8, abs=0.04)
