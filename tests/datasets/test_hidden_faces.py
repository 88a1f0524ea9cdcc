"""Faces are hidden as gently as a detector allows, and never beyond what may change."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest

from p3mvideo.datasets.hidden_faces import GREY, hide_faces
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detection import Detection

FACE = Detection((40.0, 40.0, 80.0, 80.0), np.zeros((6, 2), np.float32), 0.9)
ELSEWHERE = Detection((0.0, 0.0, 20.0, 20.0), np.zeros((6, 2), np.float32), 0.9)


@pytest.fixture
def portrait() -> tuple[UInt8Array, UInt8Array]:
    """An image of noise, and a matte that is soft across the face."""
    image = np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    alpha = np.zeros((120, 120), np.uint8)
    cv2.circle(alpha, (60, 60), 35, 255, -1)
    alpha[58:61, 30:90] = 128
    return image, alpha


def found_again(times: int, seen: list[UInt8Array]) -> Callable[[UInt8Array], Sequence[Detection]]:
    """Return a detector that finds the face again so often."""

    def find(image: UInt8Array) -> Sequence[Detection]:
        seen.append(image)
        return [FACE] if len(seen) <= times else [ELSEWHERE]

    return find


@pytest.mark.parametrize("times", [0, 1, 3, 100])
def test_only_the_mask_changes_and_the_transition_area_never(portrait: tuple[UInt8Array, UInt8Array], times: int) -> None:
    image, alpha = portrait
    before, seen = image.copy(), list[UInt8Array]()
    hidden = hide_faces(image, alpha, [FACE], find=found_again(times, seen))
    soft = (alpha > 0) & (alpha < 255)
    assert np.array_equal(image, before)
    assert np.array_equal(hidden.image[soft], image[soft])
    assert not hidden.mask[soft].any()
    border = cv2.dilate(hidden.mask, np.ones((9, 9), np.uint8)) > 0  # the blur's own soft border
    assert np.array_equal(hidden.image[~border], image[~border])
    assert hidden.mask[65, 60] == 255
    assert hidden.still_found == (times == 100)


def test_it_is_as_gentle_as_the_detector_allows(portrait: tuple[UInt8Array, UInt8Array]) -> None:
    masks = [hide_faces(*portrait, [FACE], find=found_again(times, [])) for times in (0, 3, 100)]
    assert masks[0].mask.sum() < masks[1].mask.sum() <= masks[2].mask.sum()
    assert len(np.unique(masks[0].image[50:57, 50:70].reshape(-1, 3), axis=0)) > 1
    assert (masks[2].image[65, 60] == GREY).all()


@pytest.mark.parametrize("times", range(12))
def test_a_face_that_the_matte_leaves_out_is_hidden_however_often_it_is_found_again(portrait: tuple[UInt8Array, UInt8Array], times: int) -> None:
    image, _ = portrait
    nobody = np.zeros(image.shape[:2], np.uint8)
    gently = hide_faces(image, nobody, [FACE], find=found_again(0, []))
    hidden = hide_faces(image, nobody, [FACE], find=found_again(times, []))
    assert gently.mask.any()
    assert np.array_equal(hidden.mask, gently.mask)
    assert (hidden.image != image).any(2)[hidden.mask > 0].mean() > 0.95


def test_a_image_without_faces_stays_and_is_not_looked_through(portrait: tuple[UInt8Array, UInt8Array]) -> None:
    seen: list[UInt8Array] = []
    hidden = hide_faces(*portrait, [], find=found_again(0, seen))
    assert np.array_equal(hidden.image, portrait[0])
    assert not hidden.mask.any()
    assert not seen
