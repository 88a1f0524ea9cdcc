"""Who of several people stays, chosen by points and followed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch

from p3mvideo.compose.people import ChosenPeople
from p3mvideo.errors import ConfigError
from p3mvideo.frame import Float32Array, Frame
from p3mvideo.matte import Matte
from p3mvideo.options import MatteOptions

WIDTH, HEIGHT = 120, 60


def people_at(*lefts: int, fringe: float = 0.0) -> Float32Array:
    """Return a matte (60, 120) with a person of 20x40 px at each place, and a faint fringe of 2 px around them."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    for left in lefts:
        alpha[18:, max(0, left - 2) : left + 22] = np.maximum(alpha[18:, max(0, left - 2) : left + 22], fringe)
    for left in lefts:
        alpha[20:, left : left + 20] = 1
    return alpha


def followed(options: MatteOptions, mattes: Sequence[Float32Array], rate: int = 10) -> list[Float32Array]:
    """Return what is kept of each matte of a clip; its frames are twice as large."""
    chosen = ChosenPeople(options.people)
    frames = [Frame(torch.zeros(3, 2 * HEIGHT, 2 * WIDTH, dtype=torch.uint8), number, Fraction(1, rate)) for number in range(len(mattes))]
    kept = [chosen(frame, Matte(torch.from_numpy(alpha)[None])) for frame, alpha in zip(frames, mattes, strict=True)]
    return [np.asarray(matte.alpha[0].numpy(), np.float32) for matte in kept]


def test_who_is_selected_stays_and_who_is_rejected_goes_wherever_they_walk() -> None:
    clip = [people_at(10 + step, 90 - step, fringe=0.1) for step in range(20)]
    for options in (MatteOptions(select=("0,40,80",)), MatteOptions(reject=("0,200,80",))):
        for step, kept in enumerate(followed(options, clip)):
            np.testing.assert_array_equal(kept, people_at(10 + step, fringe=0.1))


def test_people_who_touch_and_part_again_stay_who_they_are() -> None:
    # The left one walks up to the other one, touches and overlaps them, and goes back.
    places = [*range(10, 54, 4), *range(54, 10, -4)]
    kept = followed(MatteOptions(select=("0,40,80",)), [people_at(left, 70) for left in places])
    for left, alpha in zip(places, kept, strict=True):
        assert alpha[40, left : left + 12].min() == 1
        assert alpha[40, 84:].max() == 0
    np.testing.assert_array_equal(kept[-1], people_at(14))


def test_people_who_touch_from_the_beginning_are_told_apart_by_a_point_for_each() -> None:
    touching = people_at(10, 30)
    kept = followed(MatteOptions(select=("0,40,80",), reject=("0,80,80",)), [touching, touching, people_at(4, 40)])
    for alpha in kept[:2]:
        assert alpha[40, 10:29].min() == 1
        assert alpha[40, 32:].max() == 0
    np.testing.assert_array_equal(kept[2], people_at(4))


def test_who_comes_later_stays_only_if_no_one_was_selected() -> None:
    clip = [people_at(10)] * 5 + [people_at(10, 80)] * 5
    np.testing.assert_array_equal(followed(MatteOptions(select=("0,40,80",)), clip)[-1], people_at(10))
    np.testing.assert_array_equal(followed(MatteOptions(reject=("0,40,80",)), clip)[-1], people_at(80))


def test_who_is_lost_for_a_moment_is_known_again() -> None:
    clip = [people_at(10, 80)] * 2 + [people_at(80)] * 5 + [people_at(12, 80)] * 2
    kept = followed(MatteOptions(select=("0,40,80",)), clip)
    assert kept[4].max() == 0
    np.testing.assert_array_equal(kept[-1], people_at(12))


def test_a_later_point_changes_the_decision() -> None:
    kept = followed(MatteOptions(select=("0,40,80",), reject=("0.5,40,80",)), [people_at(10, 80)] * 8)
    np.testing.assert_array_equal(kept[4], people_at(10))
    assert kept[5].max() == 0


def test_a_point_beside_a_person_means_them_and_one_far_away_no_one() -> None:
    near, far = ChosenPeople(MatteOptions(reject=("0,64,80",)).people), ChosenPeople(MatteOptions(reject=("0,120,80",)).people)
    frame, matte = Frame(torch.zeros(3, 2 * HEIGHT, 2 * WIDTH, dtype=torch.uint8), 0, Fraction(1)), Matte(torch.from_numpy(people_at(10))[None])
    assert near(frame, matte).alpha.max() == 0
    assert far(frame, matte) is matte
    assert [point.text for point in far.missed] == ["--reject 0,120,80"]


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "now,1,2", "0,-1,2", "0,a,2", "0,1e9,2"])
def test_what_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="time"):
        MatteOptions(select=(text,))
