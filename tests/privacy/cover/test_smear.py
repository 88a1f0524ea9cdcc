"""What hides faces from a matting network, in training and in use."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from p3mvideo.privacy.cover.smear import obfuscate, smear_faces, smear_place, steadied
from p3mvideo.privacy.region import Region, face_region_mask
from tests.privacy.fakes import face_at

NOISE = np.random.default_rng(0).integers(1, 255, (120, 160, 3), np.uint8)


@pytest.mark.parametrize("at", [(80, 60), (4, 60), (80, 118), (157, 3)], ids=["middle", "left", "bottom", "corner"])
@pytest.mark.parametrize("side", [9, 40, 70])
def test_a_network_sees_in_use_what_it_saw_in_training(at: tuple[float, float], side: float) -> None:
    face = face_at(*at, side=side)
    trained_on = obfuscate(NOISE, face_region_mask(NOISE, [face]))
    np.testing.assert_array_equal(smear_faces(NOISE, [Region.of(face)]), trained_on)
    assert (trained_on != NOISE).any()


@pytest.mark.parametrize("lean", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("x", [-30.0, 2.0, 80.0, 155.0, 300.0])
def test_nothing_is_touched_beyond_the_bounds(x: float, lean: float) -> None:
    region = Region((x - 30, 20, x + 30, 80), lean)
    touched = (smear_faces(NOISE, [region]) != NOISE).any(axis=2)
    place = smear_place(region, 160, 120)
    if place is not None:
        x0, y0, x1, y1 = place.box
        touched[y0:y1, x0:x1] = False
    assert not touched.any()


def test_obfuscation_changes_the_mask_and_hardly_more() -> None:
    mask = face_region_mask(NOISE, [face_at(40, 50, 40), face_at(120, 60, 50)])
    covered = obfuscate(NOISE, mask)
    assert (covered != NOISE).any(axis=2)[mask > 0].mean() > 0.99
    near = cv2.dilate(mask, np.ones((9, 9), np.uint8))
    assert (covered == NOISE)[near == 0].all()
    # Near flat: what a strong blur leaves varies far less than noise does.
    assert covered[mask > 0].std() < NOISE[mask > 0].std() / 2
    assert (obfuscate(NOISE, np.zeros_like(mask)) == NOISE).all()


def test_what_is_smeared_keeps_still_while_a_box_trembles_and_keeps_up_when_it_moves() -> None:
    rng = np.random.default_rng(0)
    region, lefts = Region.of(face_at(80, 60, 40)), []
    for number in range(30):
        region = steadied(region, Region.of(face_at(80 + 2 * (-1) ** number, 60 + rng.uniform(-1, 1), 40)), 1 / 30)
        lefts.append(region.box[0])
    assert np.ptp(lefts[5:]) < 2, "the box itself goes to and fro by four pixels"
    for number in range(10):
        face = face_at(80 + 10 * number, 60, 40)
        region = steadied(region, Region.of(face), 1 / 30)
        assert np.abs(np.subtract(region.box, face.box)).max() <= 0.06 * 40 + 1e-6
