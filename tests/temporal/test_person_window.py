"""The window that smoothing works in: it holds the person, stays while it can, and nothing is missed outside."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.temporal.person_window import FAINT, MARGIN_PX, Box, extent, window_around
from tests.temporal.scenes import HEIGHT, WIDTH, disc, frame_at, scene, steadied, texture
from tests.temporal.unsteady import matte_of, matte_stream

IMAGE, MATTE = (144, 256), (288, 512)
SIZES = [((144, 256), (288, 512)), ((144, 256), (216, 384)), ((256, 144), (512, 288)), ((147, 256), (368, 640)), ((108, 192), (108, 192))]


@settings(max_examples=60)
@given(sizes=st.sampled_from(SIZES), ends=st.tuples(*[st.floats(0, 1)] * 4))
def test_a_window_holds_the_person_and_begins_where_pixels_of_both_sizes_do(
    sizes: tuple[tuple[int, int], tuple[int, int]], ends: tuple[float, float, float, float]
) -> None:
    image, matte = sizes
    (top, bottom), (left, right) = (
        (int(min(pair) * (n - 1)), int(max(pair) * (n - 1)) + 1) for pair, n in zip((ends[:2], ends[2:]), image, strict=True)
    )
    small, large = window_around([Box(top, bottom, left, right)], image, matte)
    assert small.top <= max(0, top - MARGIN_PX)
    assert small.left <= max(0, left - MARGIN_PX)
    assert small.bottom >= min(image[0], bottom + MARGIN_PX)
    assert small.right >= min(image[1], right + MARGIN_PX)
    assert (small.top * matte[0], small.bottom * matte[0]) == (large.top * image[0], large.bottom * image[0])
    assert (small.left * matte[1], small.right * matte[1]) == (large.left * image[1], large.right * image[1])


def test_a_window_stays_while_the_person_hardly_moves_and_holds_all_places_of_one_who_does() -> None:
    window = window_around([Box(40, 144, 70, 140)], IMAGE, MATTE)
    assert window_around([Box(41, 144, 68, 138)], IMAGE, MATTE) == window
    assert window_around([Box(40, 144, 70, 140), None, Box(60, 144, 100, 170)], IMAGE, MATTE).image.right >= 170 + MARGIN_PX


@pytest.mark.parametrize("extents", [[None], [Box(0, 144, 10, 250)], [Box(0, 144, 0, 60), Box(0, 144, 200, 256)]])
def test_where_there_is_no_one_or_little_room_the_window_is_the_whole_image(extents: list[Box | None]) -> None:
    window = window_around(extents, IMAGE, MATTE)
    assert window == (Box(0, 144, 0, 256), Box(0, 288, 0, 512))


def test_an_extent_leaves_out_what_is_not_seen() -> None:
    alpha = np.full((20, 30), FAINT, np.float32)
    assert extent(alpha) is None
    alpha[3:5, 7] = 0.5
    assert extent(alpha) == Box(3, 5, 7, 8)


@settings(max_examples=60)
@given(places=st.lists(st.integers(0, 12), min_size=8, max_size=8))
def test_a_moved_part_is_the_same_where_it_was_known(places: list[int]) -> None:
    one, two = (Box(*sorted(four[:2]), *sorted(four[2:])) for four in (places[:4], places[4:]))
    whole = np.arange(1, 170, dtype=np.float32).reshape(13, 13)
    known = np.full_like(whole, -1)
    one.cut(known)[...] = one.cut(whole)
    np.testing.assert_array_equal(two.moved(one.cut(whole), one, rest=-1), two.cut(known))


@pytest.mark.parametrize("lookahead", [0, 3])
def test_haze_far_from_the_person_vanishes_and_the_person_stays(lookahead: int) -> None:
    image, alpha = scene(60.0)
    hazy = np.maximum(alpha, np.float32(0.9 * FAINT))
    outs = steadied(matte_stream(lookahead=lookahead), [(image, hazy)] * 8)
    assert not outs[-1][:, WIDTH - 20 :].any()
    np.testing.assert_allclose(outs[-1][alpha > FAINT], alpha[alpha > FAINT], atol=1 / 255)


@pytest.mark.parametrize("lookahead", [0, 3])
def test_who_appears_outside_the_window_is_seen_at_once_and_stays(lookahead: int) -> None:
    alone, alpha = scene(40.0)
    other = disc(150.0, radius=20.0)
    joined = np.rint(alone + other[..., None] * (texture(5).astype(np.float32) - alone)).astype(np.uint8)
    both = np.maximum(alpha, other)
    outs = steadied(matte_stream(lookahead=lookahead), [(alone, alpha)] * 8 + [(joined, both)] * 8 + [(alone, alpha)] * 8)
    for number, true in ((7, alpha), (8, both), (9, both), (15, both), (16, alpha), (17, alpha), (23, alpha)):
        assert np.abs(outs[number] - true).sum() < 0.05 * other.sum()
    assert outs[0].shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize("lookahead", [0, 3])
def test_probabilities_add_up_wherever_the_window_was(lookahead: int) -> None:
    stream, out = matte_stream(lookahead=lookahead), []
    for number in range(12):
        image, alpha = scene(50.0 + 8 * number)
        out += stream.push(frame_at(image, Fraction(number, 30)), matte_of(alpha))
    for _, matte in out + stream.flush():
        assert matte.semantic is not None
        np.testing.assert_allclose(matte.semantic.sum(0), 1, atol=1e-4)
