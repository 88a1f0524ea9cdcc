"""Times of frames: right ones stay, wrong ones are repaired, the order is always strict."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3mvideo.io.video.read.timing.timeline import Timeline

MILLISECOND = Fraction(1, 1000)
TIMES = st.lists(st.tuples(st.none() | st.integers(-(10**6), 10**6), st.none() | st.integers(0, 5000)), max_size=50)


def placed(times: list[tuple[int | None, int | None]], rate: Fraction | None = Fraction(25)) -> list[int]:
    timeline = Timeline(MILLISECOND, rate)
    return [timeline.place(pts, duration).pts for pts, duration in times]


@given(TIMES)
def test_times_always_increase(times: list[tuple[int | None, int | None]]) -> None:
    assert all(later > earlier for earlier, later in itertools.pairwise(placed(times)))


@given(st.lists(st.integers(-(10**9), 10**9), unique=True).map(sorted))
def test_times_in_order_are_left_alone(times: list[int]) -> None:
    assert placed([(time, None) for time in times]) == times


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        ([(0, 40), (None, 40), (None, 40)], [0, 40, 80]),
        ([(0, None), (None, None), (120, None)], [0, 40, 120]),
        ([(None, None), (None, None)], [0, 40]),
        ([(0, 40), (40, 40), (40, 40), (80, 40)], [0, 40, 41, 80]),
        ([(90_000, 40), (90_040, 40), (0, 40), (40, 40)], [90_000, 90_040, 90_080, 90_120]),
    ],
    ids=["missing, with durations", "missing, by the rate", "none at all", "doubled", "a clock that starts again"],
)
def test_repairs(times: list[tuple[int | None, int | None]], wanted: list[int]) -> None:
    assert placed(times) == wanted
