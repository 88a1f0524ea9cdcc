"""Where segments begin."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from p3mvideo.app.segments.borders import segment_borders

FRAMES = [Fraction(number, 10) for number in range(200)]


def test_segments_begin_at_key_frames_where_there_is_one_near() -> None:
    keys = [Fraction(text) for text in ("0", "4.4", "9.0", "13.1")]
    assert segment_borders(FRAMES, keys, Fraction(4)) == tuple(map(Fraction, ("0", "4.4", "9.0", "13.1", "17.1")))


def test_a_part_of_a_video_is_divided_alone() -> None:
    start, end = Fraction("5.05"), Fraction(10)
    assert segment_borders(FRAMES, FRAMES[:1], Fraction(2), start=start, end=end) == (Fraction("5.1"), Fraction("7.1"))
    assert segment_borders(FRAMES, FRAMES, Fraction(2), start=Fraction(30)) == ()


@given(
    times=st.sets(st.integers(0, 6000), min_size=1, max_size=60).map(lambda ticks: [Fraction(tick, 60) for tick in sorted(ticks)]),
    length=st.integers(1, 100).map(lambda tenths: Fraction(tenths, 10)),
    data=st.data(),
)
def test_borders_are_frames_in_order_from_the_first_one(times: list[Fraction], length: Fraction, data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.sampled_from(times), unique=True).map(sorted))
    borders = segment_borders(times, keys, length)
    assert borders[0] == times[0]
    assert set(borders) <= set(times)
    assert list(borders) == sorted(set(borders))
    assert all(later - earlier >= length * Fraction(3, 4) for earlier, later in pairwise(borders))
