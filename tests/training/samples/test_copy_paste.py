"""P3M-CP in pixels: where donors' faces come, and what never changes."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.datasets.donors import Donor
from p3mvideo.datasets.portraits import Portrait
from p3mvideo.options import CopyPasteOptions
from p3mvideo.training.samples.copy_paste import (
    Augmentation,
    PlacedFaces,
    face_boxes,
    feature_augmentation,
    image_augmentation,
    obfuscated_faces,
    paste_faces,
    place_face,
    seen_faces,
)
from p3mvideo.training.samples.scene import Scene, cropped_scene, random_crop, turned, whole
from tests.training import miniature

STILL = Augmentation()
IMAGE_LEVEL, FEATURE_LEVEL = (level(CopyPasteOptions().with_recipe()) for level in (image_augmentation, feature_augmentation))


def placed(target: np.ndarray, donor: Donor, augmentation: Augmentation, rng: np.random.Generator) -> PlacedFaces | None:
    """Place a donor over an obfuscated face all of which is seen."""
    x, y, w, h = cv2.boundingRect(target.astype(np.uint8))
    return place_face(target, (x, y, x + w, y + h), donor, augmentation, rng) if target.any() else None


def ellipse(height: int, width: int, x: int, y: int, rx: int, ry: int) -> np.ndarray:
    canvas = np.zeros((height, width), np.uint8)
    cv2.ellipse(canvas, (x, y), (rx, ry), 0, 0, 360, 255, -1)
    return canvas


@given(
    x=st.integers(-5, 85), y=st.integers(-5, 65), rx=st.integers(1, 30), ry=st.integers(1, 30), seed=st.integers(0, 10**6),
    augmentation=st.sampled_from([IMAGE_LEVEL, FEATURE_LEVEL]), side=st.integers(6, 300),
)  # fmt: skip
@settings(max_examples=60)
def test_pixels_outside_the_target_mask_never_change(x: int, y: int, rx: int, ry: int, seed: int, augmentation: Augmentation, side: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    target = ellipse(60, 80, x, y, rx, ry) > 127
    before = image.copy()
    faces = placed(target, Donor(*miniature.donor(1, side=side)), augmentation, rng)
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
    faces = placed(target, Donor(*miniature.donor(0, side=80)), STILL, np.random.default_rng(0))
    assert faces is not None
    there = faces.mask > 0
    assert (there & target).sum() / target.sum() > 0.9
    for axis in (0, 1):
        assert np.flatnonzero(there.any(1 - axis)).mean() == pytest.approx(np.flatnonzero(target.any(1 - axis)).mean(), abs=0.6)
    assert (faces.image[there] == (255, 0, 0)).all()


def test_centres_agree_whatever_the_augmentation() -> None:
    """A mark at the middle of the donor's face comes to the middle of the target's, turned and mirrored or not."""
    image, mask = miniature.donor(0, side=81)
    image[38:43, 38:43] = (0, 0, 255)
    target = ellipse(120, 160, 70, 50, 20, 26) > 127
    for seed in range(12):
        faces = placed(target, Donor(image, mask), IMAGE_LEVEL, np.random.default_rng(seed))
        assert faces is not None
        mark = np.argwhere((faces.image[..., 2] > 128) & (faces.mask > 0))
        assert mark.mean(0) == pytest.approx((50, 70), abs=1.5)


def test_rotation_and_scale_stay_in_the_published_range() -> None:
    """The covariance of the placed face's pixels shows by how much it was stretched and turned."""
    image, mask = miniature.donor(0, side=200)
    target = np.ones((300, 300), bool)
    target_box = 300 / (2 * (200 // 4)), 300 / (2 * (200 // 3))  # by how much the size alone scales
    for seed in range(20):
        faces = placed(target, Donor(image, mask), Augmentation(30.0, (0.8, 1.2), 0.5), np.random.default_rng(seed))
        assert faces is not None
        area = (faces.mask > 0).sum() / ((mask > 127).sum() * target_box[0] * target_box[1])
        assert 0.8**2 * 0.9 < area <= 1.2**2 * 1.05


def test_donor_much_larger_than_the_target_does_not_alias() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    target = ellipse(60, 60, 30, 30, 10, 12) > 127
    faces = placed(target, Donor(stripes, miniature.donor(0, side=400)[1]), STILL, np.random.default_rng(0))
    assert faces is not None
    assert faces.image[faces.mask > 0].std() < 20


def test_no_face_on_either_side_changes_nothing() -> None:
    donor = Donor(*miniature.donor(0))
    rng = np.random.default_rng(0)
    empty = Donor(donor.image, np.zeros_like(donor.mask))
    assert placed(np.ones((20, 20), bool), empty, IMAGE_LEVEL, rng) is None
    faces = place_face(np.zeros((20, 20), bool), (0, 0, 20, 20), donor, IMAGE_LEVEL, rng)
    assert faces is not None
    assert not faces.mask.any()


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
    assert Augmentation() == FEATURE_LEVEL
    both = CopyPasteOptions(cp_feature_augment=True, cp_fit="keep").with_recipe()
    assert feature_augmentation(both) == image_augmentation(both) == Augmentation(30.0, (0.8, 1.2), 0.5, (0.3, 0.7))


@pytest.mark.parametrize("scale", [0.3, 0.7])
def test_a_donor_may_keep_its_size_instead_of_filling_the_target(scale: float) -> None:
    target = np.ones((200, 200), bool)
    faces = placed(target, Donor(*miniature.donor(0, side=300)), Augmentation(donor_scale=(scale, scale)), np.random.default_rng(0))
    assert faces is not None
    assert np.ptp(np.flatnonzero((faces.mask > 0).any(0))) == pytest.approx(200 * scale / 2, abs=2)  # its face is half as wide as its image


def portrait_with(face: np.ndarray, alpha: np.ndarray | None = None) -> Portrait:
    alpha = np.full(face.shape, 255, np.uint8) if alpha is None else alpha
    return Portrait("one", np.dstack([face] * 3), alpha, face)


@pytest.mark.parametrize("strand", [1, 3, 6])
def test_a_mask_in_pieces_is_one_face(strand: int) -> None:
    whole = ellipse(100, 100, 50, 50, 20, 24)
    pieces = whole.copy()
    pieces[:, 45 : 45 + strand] = 0  # hair before the face
    pieces[60 : 60 + strand] = 0
    (face,) = obfuscated_faces(pieces, np.full((100, 100), 255, np.uint8))
    assert np.array_equal(face, pieces > 0)
    assert face_boxes(pieces, np.full((100, 100), 255, np.uint8)) == face_boxes(whole, np.full((100, 100), 255, np.uint8))


@pytest.mark.parametrize("gap", [2, 8])
def test_faces_cheek_by_cheek_are_two(gap: int) -> None:
    both = ellipse(100, 140, 40, 50, 20, 24) | ellipse(100, 140, 81 + gap, 50, 20, 24)
    assert len(obfuscated_faces(both, np.full((100, 140), 255, np.uint8))) == 2


def test_a_crop_cuts_the_donor_off_where_it_cuts_the_face_off() -> None:
    """The part that is seen of a face at the border shows the same part of the donor as if nothing had been cut."""
    image, mask = miniature.donor(0, side=80)
    image[:, :40] = (0, 0, 255)  # the left half of the face is blue
    portrait = portrait_with(ellipse(128, 128, 64, 64, 30, 34))
    cut = 0
    for seed in range(20):
        scene = cropped_scene(portrait, random_crop(portrait, np.random.default_rng(seed)), 96)
        for box, seen in zip(scene.faces, seen_faces(scene.faces, scene.face_mask, scene.alpha), strict=True):
            if not seen.any() or (box[0] >= 0 and box[2] <= 96):
                continue
            cut += 1
            faces = place_face(seen, box, Donor(image, mask), STILL, np.random.default_rng(0))
            assert faces is not None
            x = np.arange(96) + 0.5
            middle, there = (box[0] + box[2]) / 2, np.asarray((faces.mask > 0).any(0))
            blue = np.asarray((faces.image[..., 2] > 128).any(0))
            assert blue[there & (x < middle - 2)].all()
            assert not blue[there & (x > middle + 2)].any()
            assert (faces.mask[seen] > 0).mean() > 0.85
    assert cut > 3


def test_boxes_of_faces_follow_the_scene() -> None:
    """Around what is seen of a face, wherever a scene was mirrored or turned."""
    portrait = portrait_with(ellipse(100, 160, 60, 40, 12, 16))
    scene = cropped_scene(portrait, whole(portrait), 96)
    other: Scene
    for other in (scene, scene.mirrored(), turned(scene, 20.0), turned(scene, -35.0)):
        ((x0, y0, x1, y1),) = other.faces
        x, y, w, h = cv2.boundingRect((other.face_mask > 127).astype(np.uint8))
        assert (x0, y0, x1, y1) == pytest.approx((x, y, x + w, y + h), abs=1.5)
        (seen,) = seen_faces(other.faces, other.face_mask, other.alpha)
        assert np.array_equal(seen, (other.face_mask > 127) & (other.alpha == 255))
