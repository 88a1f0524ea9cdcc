"""More light on the person, and automatic framing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from p3mvideo.compose import ColourBackground, ForegroundEstimator, ReplaceBackground
from p3mvideo.compose.brighten import Brighten, brightening_curve
from p3mvideo.compose.frame_person import LARGEST_ZOOM, WHOLE, Crop, FramePerson, cropped, fitting_crop
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte

WIDTH, HEIGHT = 160, 90
PERSON = (100, 80, 60)


def person(left: float, right: float, top: float) -> Float32Array:
    """Return a matte of a person between shares of the width, from a share of the height down."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[round(top * HEIGHT) :, round(left * WIDTH) : round(right * WIDTH)] = 1
    return alpha


def shot(alpha: Float32Array, seconds: float = 0.0) -> tuple[Frame, Matte]:
    pixels = np.full((HEIGHT, WIDTH, 3), (200, 200, 200), np.uint8)
    pixels[alpha > 0.5] = PERSON
    return Frame.from_interleaved(pixels, round(seconds * 90_000), Fraction(1, 90_000)), Matte(torch.from_numpy(alpha)[None])


def in_front_of_navy() -> ReplaceBackground:
    return ReplaceBackground(ColourBackground((0, 0, 96)), ForegroundEstimator())


def test_light_falls_on_the_person_only() -> None:
    alpha = person(0.4, 0.6, 0.3)
    plain = in_front_of_navy()(*shot(alpha)).interleaved()
    lit = Brighten(in_front_of_navy(), lambda: 0.6)(*shot(alpha)).interleaved()
    assert np.array_equal(lit[alpha == 0], plain[alpha == 0])
    assert (lit[alpha == 1] > plain[alpha == 1].astype(int) + 20).all()
    assert np.array_equal(Brighten(in_front_of_navy(), lambda: 0.0)(*shot(alpha)).interleaved(), plain)


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_black_and_white_stay_and_no_tone_becomes_darker(strength: float) -> None:
    curve = brightening_curve(strength).astype(int)
    assert (curve[0], curve[255]) == (0, 255)
    assert (np.diff(curve) >= 0).all()
    assert (curve >= np.arange(256)).all()
    assert curve[64] > 64


@pytest.mark.parametrize(("left", "right", "top"), [(0.45, 0.55, 0.5), (0.0, 0.2, 0.4), (0.8, 1.0, 0.6), (0.2, 0.8, 0.1), (0.0, 1.0, 0.0)])
def test_a_framing_shows_the_head_and_stays_inside_the_frame(left: float, right: float, top: float) -> None:
    crop = fitting_crop(person(left, right, top))
    assert 1 / LARGEST_ZOOM <= crop.side <= 1
    assert crop.side / 2 <= crop.x <= 1 - crop.side / 2 + 1e-6
    assert crop.side / 2 <= crop.y <= 1 - crop.side / 2 + 1e-6
    assert crop.y - crop.side / 2 <= top + 0.02, "the head is not cut"
    assert crop.x - crop.side / 2 <= left + 0.02
    assert crop.x + crop.side / 2 >= right - 0.02


def test_without_a_person_everything_is_shown() -> None:
    assert fitting_crop(np.zeros((HEIGHT, WIDTH), np.float32)) == WHOLE


def test_a_crop_enlarges_frame_matte_and_covers_alike() -> None:
    alpha = person(0.4, 0.6, 0.5)
    frame, matte = shot(alpha)
    covered = (round(0.4 * WIDTH), round(0.5 * HEIGHT), round(0.6 * WIDTH), HEIGHT)
    near, near_matte = cropped(replace(frame, covered=(covered, (0, 0, 2, 2))), matte, Crop(0.5, 0.75, 0.5))
    inside = near_matte.alpha[0].numpy() > 0.5
    assert inside.sum() == pytest.approx(4 * (alpha > 0.5).sum(), rel=0.1)
    assert (np.abs(near.interleaved()[inside].astype(int) - PERSON).max(1) <= 80).all()
    (box,) = near.covered
    assert inside[box[1] : box[3], box[0] : box[2]].mean() > 0.9
    assert inside.sum() == pytest.approx(inside[box[1] : box[3], box[0] : box[2]].sum(), rel=0.05)


class Framed:
    """Shows frame after frame at 25 per second and measures how wide the person is."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self._framing = FramePerson(in_front_of_navy(), wanted)
        self._number = 0

    def widths(self, alpha: Float32Array, count: int) -> list[int]:
        found = []
        for _ in range(count):
            shown: UInt8Array = self._framing(*shot(alpha, self._number / 25)).interleaved()
            self._number += 1
            found.append(int((np.abs(shown[-1].astype(int) - PERSON).max(1) < 30).sum()))
        return found


def test_framing_is_smooth_and_rests_while_the_person_hardly_moves() -> None:
    framed = Framed(lambda: True)
    widths = framed.widths(person(0.45, 0.55, 0.5), 100)
    assert widths[0] == 16, "it begins with the whole frame"
    assert widths[-1] >= 25
    assert max(abs(b - a) for a, b in itertools.pairwise(widths)) <= 2
    assert len(set(framed.widths(person(0.46, 0.56, 0.5), 25))) == 1


def test_framing_that_is_switched_off_goes_back_smoothly() -> None:
    wanted = [True]
    framed = Framed(lambda: wanted[0])
    framed.widths(person(0.45, 0.55, 0.5), 100)
    wanted[0] = False
    widths = framed.widths(person(0.45, 0.55, 0.5), 150)
    assert widths[0] > 24
    assert widths[-1] == 16
