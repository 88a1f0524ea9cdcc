"""Keeping one of several people, and light of the background on their edges."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from p3mvideo.compose import ColourBackground, ForegroundEstimator, ReplaceBackground
from p3mvideo.compose.keep import KeepOne
from p3mvideo.compose.light_wrap import LightWrap, wrap
from p3mvideo.frame import Float32Array, Frame
from p3mvideo.matte import Matte

HEIGHT, WIDTH = 60, 100
Boxes = dict[str, tuple[int, int, int, int]]
BIG_LEFT: Boxes = {"big": (5, 10, 40, 55), "middle": (48, 25, 58, 50), "right": (80, 20, 95, 50)}
"""People by name, as (x0, y0, x1, y1)."""


def matte_of(people: Boxes, *, semantic: bool = False) -> Matte:
    """Return a matte of people with a soft border of two pixels."""
    alpha = torch.zeros(1, HEIGHT, WIDTH)
    for x0, y0, x1, y1 in people.values():
        alpha[0, y0 - 2 : y1 + 2, x0 - 2 : x1 + 2] = torch.maximum(alpha[0, y0 - 2 : y1 + 2, x0 - 2 : x1 + 2], torch.tensor(0.15))
        alpha[0, y0:y1, x0:x1] = 1
    return Matte(alpha, torch.cat([1 - alpha, torch.zeros_like(alpha), alpha]) if semantic else None)


def frame() -> Frame:
    return Frame(torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8), 0, Fraction(1, 30))


def kept(matte: Matte, people: Boxes) -> list[str]:
    """Return who is in a matte."""
    return [name for name, (x0, y0, x1, y1) in people.items() if float(matte.alpha[0, (y0 + y1) // 2, (x0 + x1) // 2]) == 1]


@pytest.mark.parametrize(("keep", "who"), [("largest", "big"), ("center", "middle")])
def test_one_person_is_kept_with_the_soft_border_and_nothing_else(keep: str, who: str) -> None:
    got = KeepOne(keep)(frame(), matte_of(BIG_LEFT, semantic=True))  # type: ignore[arg-type]
    expected = matte_of({who: BIG_LEFT[who]}, semantic=True)
    torch.testing.assert_close(got.alpha, expected.alpha)
    assert got.semantic is not None
    torch.testing.assert_close(got.semantic, expected.semantic)


@pytest.mark.parametrize("people", [{}, {"one": (10, 10, 30, 50)}])
def test_where_nobody_else_is_nothing_changes(people: Boxes) -> None:
    matte = matte_of(people)
    assert KeepOne("largest")(frame(), matte) is matte


def test_who_is_kept_stays_until_somebody_is_clearly_more_fitting() -> None:
    keep = KeepOne("largest")
    sizes = [(20, 16), (20, 22), (20, 26), (20, 34), (20, 22)]
    seen = []
    for left, right in sizes:
        people: Boxes = {"left": (5, 10, 5 + left, 50), "right": (50, 10, 50 + right, 50)}
        seen.append(kept(keep(frame(), matte_of(people)), people))
    assert seen == [["left"], ["left"], ["left"], ["right"], ["right"]]
    keep.reset()
    people = {"left": (5, 10, 30, 50), "right": (50, 10, 72, 50)}
    assert kept(keep(frame(), matte_of(people)), people) == ["left"]


def test_a_matte_of_another_size_begins_anew() -> None:
    keep = KeepOne("largest")
    keep(frame(), matte_of(BIG_LEFT))
    small = Matte(torch.nn.functional.interpolate(matte_of(BIG_LEFT).alpha[None], scale_factor=0.5)[0])
    assert float(keep(frame(), small).alpha[0, 15, 10]) == 1


def test_an_unknown_way_to_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="largest or center"):
        KeepOne("smallest")  # type: ignore[arg-type]


def edge() -> Float32Array:
    """Return an alpha that rises from left to right within eight pixels."""
    ramp = np.clip((np.arange(WIDTH, dtype=np.float32) - WIDTH / 2) / 8 + 0.5, 0, 1)
    return np.tile(ramp, (HEIGHT, 1))


def test_light_falls_on_the_edge_and_not_far_inside() -> None:
    composite, behind = np.full((HEIGHT, WIDTH, 3), 40, np.uint8), np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
    before = composite.copy()
    row = wrap(composite, behind, edge(), 0.8)[HEIGHT // 2, :, 0].astype(int)
    assert (row[-30:] == 40).all(), "far inside nothing changes"
    assert row.max() > 75, "the edge is lit"
    assert row[WIDTH // 2 + 3] > 45, "so is the person behind it"
    assert (np.diff(row[row.argmax() :]) <= 1).all(), "less and less towards the inside"
    assert (row[: WIDTH // 2 - 5] == 40).all(), "where the person is not nothing changes"
    np.testing.assert_array_equal(composite, before)
    np.testing.assert_array_equal(wrap(composite, behind, edge(), 0.0), before)
    np.testing.assert_allclose(wrap(composite, composite, edge(), 1.0), before, atol=1)


def test_light_hidden_behind_the_person_does_not_shine() -> None:
    composite, behind = np.full((HEIGHT, WIDTH, 3), 40, np.uint8), np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    behind[:, WIDTH // 2 + 10 :] = 255
    assert int(wrap(composite, behind, edge(), 1.0).max()) <= 44


def test_more_strength_means_more_light() -> None:
    composite, behind = np.full((HEIGHT, WIDTH, 3), 40, np.uint8), np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
    means = [float(wrap(composite, behind, edge(), strength).mean()) for strength in (0, 0.25, 0.5, 1)]
    assert means == sorted(set(means))
    background = ColourBackground((0, 0, 0))
    with pytest.raises(ValueError, match="from 0 to 1"):
        LightWrap(ReplaceBackground(background, ForegroundEstimator()), background, 1.5)


def test_the_person_is_lit_and_nothing_of_the_old_background_comes_back() -> None:
    room = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image = Frame.from_interleaved(room)
    background = ColourBackground((10, 200, 30))
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[15:45, 35:65] = 1
    plain = ReplaceBackground(background, ForegroundEstimator())
    matte = Matte(torch.from_numpy(alpha)[None])
    got, unlit = (make(image, matte).interleaved().astype(int) for make in (LightWrap(plain, background, 1.0), plain))
    assert (got[alpha == 0] == (10, 200, 30)).all()
    green = np.abs(got - (10, 200, 30)).sum(2)
    assert green[15:45, 35].mean() < 0.7 * np.abs(unlit - (10, 200, 30)).sum(2)[15:45, 35].mean()
    np.testing.assert_array_equal(got[29:31, 49:51], unlit[29:31, 49:51])
