"""P3M-CP in pixels: where donors' faces come, and what never changes."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.datasets.donors import Donor
from p3mvideo.training.samples.copy_paste import FEATURE_LEVEL, IMAGE_LEVEL, Augmentation, obfuscated_faces, paste_faces, place_face
from tests.training import miniature

STILL = Augmentation(rotation_deg=0, axis_scale=(1, 1), mirror=0)


def ellipse(height: int, width: int, x: int, y: int, rx: int, ry: int) -> np.ndarray:
    canvas = np.zeros((height, width), np.uint8)
    cv2.ellipse(canvas, (x, y), (rx, ry), 0, 0, 360, 255, -1)
    return canvas


@given(
    x=st.integers(-5, 85), y=st.integers(-5, 65), rx=st.integers(1, 30), ry=st.integers(1, 30), seed=st.integers(0, 10**6),
    augmentation=st.sampled_from([IMAGE_LEVEL, FEATURE_LEVEL]), side=st.integers(6, 300),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_pixels_outside_the_target_mask_never_change(x: int, y: int, rx: int, ry: int, seed: int, augmentation: Augmentation, side: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    target = ellipse(60, 80, x, y, rx, ry) > 127
    before = image.copy()
    faces = place_face(target, Donor(*miniature.donor(1, side=side)), augmentation, rng)
    if faces is None:
        return
    assert not faces.mask[~target].any()
    merged = paste_faces(image, faces)
    assert np.array_equal(merged[~target], before[~target])
    assert np.array_equal(image, before), "the image itself was written to"
    assert np.array_equal(merged[faces.mask > 0], faces.image[faces.mask > 0])


@pytest.mark.parametrize(("rx", "ry"), [(6, 8), (12, 9), (25, 33)])
def test_face_fills_the_target_and_sits_on_its_centre(rx: int, ry: int) -> None:
    target = ellipse(120, 160, 90, 60, rx, ry) > 127
    faces = place_face(target, Donor(*miniature.donor(0, side=80)), STILL, np.random.default_rng(0))
    assert faces is not None
    placed = faces.mask > 0
    assert (placed & target).sum() / target.sum() > 0.9
    for axis in (0, 1):
        assert np.flatnonzero(placed.any(1 - axis)).mean() == pytest.approx(np.flatnonzero(target.any(1 - axis)).mean(), abs=0.6)
    assert (faces.image[placed] == (255, 0, 0)).all()


def test_centres_agree_whatever_the_augmentation() -> None:
    """A mark at the middle of the donor's face comes to the middle of the target's, turned and mirrored or not."""
    image, mask = miniature.donor(0, side=81)
    image[38:43, 38:43] = (0, 0, 255)
    target = ellipse(120, 160, 70, 50, 20, 26) > 127
    for seed in range(12):
        faces = place_face(target, Donor(image, mask), IMAGE_LEVEL, np.random.default_rng(seed))
        assert faces is not None
        mark = np.argwhere((faces.image[..., 2] > 128) & (faces.mask > 0))
        assert mark.mean(0) == pytest.approx((50, 70), abs=1.5)


def test_rotation_and_scale_stay_in_the_published_range() -> None:
    """The covariance of the placed face's pixels shows by how much it was stretched and turned."""
    image, mask = miniature.donor(0, side=200)
    target = np.ones((300, 300), bool)
    target_box = 300 / (2 * (200 // 4)), 300 / (2 * (200 // 3))  # by how much the size alone scales
    for seed in range(20):
        faces = place_face(target, Donor(image, mask), Augmentation(30.0, (0.8, 1.2), 0.5), np.random.default_rng(seed))
        assert faces is not None
        area = (faces.mask > 0).sum() / ((mask > 127).sum() * target_box[0] * target_box[1])
        assert 0.8**2 * 0.9 < area <= 1.2**2 * 1.05


def test_donor_much_larger_than_the_target_does_not_alias() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    target = ellipse(60, 60, 30, 30, 10, 12) > 127
    faces = place_face(target, Donor(stripes, miniature.donor(0, side=400)[1]), STILL, np.random.default_rng(0))
    assert faces is not None
    assert faces.image[faces.mask > 0].std() < 20


def test_no_face_on_either_side_places_nothing() -> None:
    donor = Donor(*miniature.donor(0))
    rng = np.random.default_rng(0)
    assert place_face(np.zeros((20, 20), bool), donor, IMAGE_LEVEL, rng) is None
    empty = Donor(donor.image, np.zeros_like(donor.mask))
    assert place_face(np.ones((20, 20), bool), empty, IMAGE_LEVEL, rng) is None


def test_half_transparent_pixels_belong_to_no_face_and_small_specks_are_none() -> None:
    face_mask = ellipse(80, 80, 25, 25, 12, 12) | ellipse(80, 80, 60, 60, 1, 1)
    alpha = np.full((80, 80), 255, np.uint8)
    alpha[:, 25:] = 254
    faces = obfuscated_faces(face_mask, alpha)
    assert len(faces) == 1
    assert np.array_equal(faces[0], (face_mask > 0) & (alpha == 255) & (np.arange(80)[:, None] < 50))


def test_each_of_several_faces_is_found() -> None:
    face_mask = ellipse(60, 120, 30, 30, 10, 10) | ellipse(60, 120, 90, 30, 10, 10)
    assert len(obfuscated_faces(face_mask, np.full((60, 120), 255, np.uint8))) == 2


def test_ranges_are_those_of_the_published_configuration() -> None:
    assert Augmentation(30.0, (0.8, 1.2), 0.5) == IMAGE_LEVEL
    assert (FEATURE_LEVEL.rotation_deg, FEATURE_LEVEL.mirror) == (0.0, 0.0)
    assert math.isclose(sum(FEATURE_LEVEL.axis_scale), 2)
