"""From key points to the outline of a face."""

from __future__ import annotations

import numpy as np
import pytest

from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.region import Reach, Region, face_region_mask, lean
from tests.privacy.fakes import face_at

WIDTH, HEIGHT = 160, 120
NOISE = np.random.default_rng(0).integers(1, 255, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.mark.parametrize("degrees", [0, 30, -75, 120])
def test_the_lean_of_a_face_is_measured_clockwise(degrees: float) -> None:
    face = face_at(0, 0, 100)
    angle = np.radians(degrees)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    assert np.degrees(lean((face.key_points @ turn.T).astype(np.float32))) == pytest.approx(degrees, abs=0.01)


@pytest.mark.parametrize("degrees", [30, -75, 120])
def test_how_far_a_face_reaches_does_not_depend_on_its_lean(degrees: float) -> None:
    face = face_at(0, 0, 100)
    angle = np.radians(degrees)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    leaning = Detection(face.box, (face.key_points @ turn.T).astype(np.float32), face.score)
    np.testing.assert_allclose(Reach.of(leaning), Reach.of(face), atol=1e-4)


def test_a_face_is_hidden_between_its_ears_even_in_a_box_that_is_too_large() -> None:
    face = face_at(80, 60, 60)
    points = face.key_points
    assert points is not None
    larger = Detection((40, 20, 120, 100), points, face.score)
    outline = Region.of(larger).face_outline()
    ears = points[4:, 0]
    assert ears.min() - 1 <= outline[:, 0].min() < points[0, 0]
    assert points[1, 0] < outline[:, 0].max() <= ears.max() + 1
    assert outline[:, 1].min() < points[:2, 1].min()
    assert points[3, 1] < outline[:, 1].max() < 100


def test_face_masks_reach_from_brow_to_chin_and_leave_the_transition_out() -> None:
    face = face_at(80, 60, 80)
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, :60] = 77
    mask = face_region_mask(NOISE, [face], alpha=alpha)
    eyes, mouth, forehead = (42, 80), (78, 80), (25, 80)
    assert mask[eyes] == mask[mouth] == 255
    assert mask[forehead] == 0
    assert not mask[:, :60].any()
    assert mask.dtype == np.uint8


@pytest.mark.parametrize("margin", [-8.0, 5.0, 30.0])
def test_more_room_around_a_face_does_not_make_the_face_larger(margin: float) -> None:
    region = Region.of(face_at(80, 60, 60))
    assert np.abs(region.grown(margin).face_outline() - region.face_outline()).max() <= 1
