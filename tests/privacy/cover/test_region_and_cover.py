"""What is covered is covered whole, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.errors import ConfigError
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.cover.cover import Blur, Filter, Mosaic, Picture, Smear, Solid, blend, cover, make_filter, mosaic_all, obfuscate
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.region import Reach, Region, face_region_mask, lean

WIDTH, HEIGHT = 160, 120
NOISE = np.random.default_rng(0).integers(1, 255, (HEIGHT, WIDTH, 3), np.uint8)
NOWHERE = (255, 0, 255)

FILTERS: list[Filter] = [Blur(), Smear(), Mosaic(8), Solid(), Picture(NOISE[:40, :30])]

regions = st.builds(
    lambda x, y, w, h, angle: Region((x, y, x + w, y + h), angle),
    st.floats(-60, WIDTH + 20), st.floats(-60, HEIGHT + 20), st.floats(3, 140), st.floats(3, 140), st.floats(-3.2, 3.2),
)  # fmt: skip


def upright_face(x: float, y: float, side: float) -> Detection:
    """Return a detection of an upright face about (x, y)."""
    points = np.array([(-0.2, -0.22), (0.2, -0.22), (0, 0.05), (0, 0.23), (-0.5, -0.1), (0.5, -0.1)], np.float32)
    return Detection((x - side / 2, y - side / 2, x + side / 2, y + side / 2), points * side + np.array((x, y), np.float32), 0.9)


@given(regions, st.floats(1.0, 2.0))
@settings(max_examples=300)
def test_every_pixel_of_the_box_is_covered_and_none_beyond_the_bounds(region: Region, mask_scale: float) -> None:
    covered = cover(NOISE, [region], Solid(NOWHERE), mask_scale=mask_scale)
    box = np.zeros((HEIGHT, WIDTH), bool)
    x0, y0, x1, y1 = region.box
    box[max(0, int(np.floor(y0))) : max(0, int(np.ceil(y1))), max(0, int(np.floor(x0))) : max(0, int(np.ceil(x1)))] = True
    assert (covered[box] == NOWHERE).all()

    bounds = region.bounds(WIDTH, HEIGHT, mask_scale=mask_scale)
    touched = (covered != NOISE).any(axis=2)
    if bounds is not None:
        assert 0 <= bounds[0] < bounds[2] <= WIDTH
        assert 0 <= bounds[1] < bounds[3] <= HEIGHT
        touched[bounds[1] : bounds[3], bounds[0] : bounds[2]] = False
    assert not touched.any()


@given(regions, regions, st.sampled_from(FILTERS))
@settings(max_examples=100)
def test_no_filter_touches_pixels_outside_the_bounds_or_its_input(first: Region, second: Region, replacement: Filter) -> None:
    before = NOISE.copy()
    covered = cover(NOISE, [first, second], replacement)
    assert (before == NOISE).all()
    touched = (covered != NOISE).any(axis=2)
    for region in (first, second):
        bounds = region.bounds(WIDTH, HEIGHT, mask_scale=1.3)
        if bounds is not None:
            touched[bounds[1] : bounds[3], bounds[0] : bounds[2]] = False
    assert not touched.any()


def test_the_ellipse_is_covered_too_and_ends_softly() -> None:
    region = Region((60, 40, 100, 80))
    weight = region.weight((0, 0, WIDTH, HEIGHT), mask_scale=1.3)
    assert weight[34, 80] == 255  # above the box, inside the ellipse
    assert weight[30, 64] < 255  # beside it
    assert len(np.unique(weight)) > 4
    assert weight[0, 0] == 0


@pytest.mark.parametrize("degrees", [0, 30, -75, 120])
def test_the_lean_of_a_face_is_measured_clockwise(degrees: float) -> None:
    face = upright_face(0, 0, 100)
    angle = np.radians(degrees)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    assert np.degrees(lean((face.key_points @ turn.T).astype(np.float32))) == pytest.approx(degrees, abs=0.01)


@pytest.mark.parametrize("degrees", [30, -75, 120])
def test_how_far_a_face_reaches_does_not_depend_on_its_lean(degrees: float) -> None:
    face = upright_face(0, 0, 100)
    angle = np.radians(degrees)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    leaning = Detection(face.box, (face.key_points @ turn.T).astype(np.float32), face.score)
    np.testing.assert_allclose(Reach.of(leaning), Reach.of(face), atol=1e-4)


def test_a_face_is_hidden_between_its_ears_even_in_a_box_that_is_too_large() -> None:
    face = upright_face(80, 60, 60)
    larger = Detection((40, 20, 120, 100), face.key_points, face.score)
    outline = Region.of(larger).face_outline()
    ears = face.key_points[4:, 0]
    assert ears.min() - 1 <= outline[:, 0].min() < face.key_points[0, 0]
    assert face.key_points[1, 0] < outline[:, 0].max() <= ears.max() + 1
    assert outline[:, 1].min() < face.key_points[:2, 1].min()
    assert face.key_points[3, 1] < outline[:, 1].max() < 100


def test_blur_tells_two_faces_apart_by_brightness_only() -> None:
    rng = np.random.default_rng(1)
    faces = [np.clip(rng.normal(128 + 20, 40, (90, 70, 3)), 0, 255).astype(np.uint8) for _ in range(5)]
    blurred = [Blur()(face, 60.0) for face in faces]
    assert all((picture == blurred[0]).all() for picture in blurred)
    assert len(np.unique(blurred[0].reshape(-1, 3), axis=0)) == 1
    assert (Blur()(faces[0] // 4, 60.0) != blurred[0]).any()


@pytest.mark.parametrize("side", [24, 100, 400])
def test_the_number_of_squares_a_face_keeps_does_not_grow_with_it(side: int) -> None:
    patch = cv2.resize(NOISE, (side, side))
    assert len(np.unique(Mosaic(2)(patch, side).reshape(-1, 3), axis=0)) <= 16
    assert len(np.unique(mosaic_all(patch).reshape(-1, 3), axis=0)) <= 64


def test_a_known_matte_keeps_hair_sharp_but_not_the_face() -> None:
    region = Region((60, 40, 100, 80))
    alpha = np.full((HEIGHT, WIDTH), 128, np.uint8)
    covered = cover(NOISE, [region], Solid(NOWHERE), alpha=alpha)
    assert (covered[40:80, 60:100] == NOWHERE).all()
    assert (covered[34, 80] == NOISE[34, 80]).all()


def test_face_masks_reach_from_brow_to_chin_and_leave_the_transition_out() -> None:
    face = upright_face(80, 60, 80)
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, :60] = 77
    mask = face_region_mask(NOISE, [face], alpha=alpha)
    eyes, mouth, forehead = (42, 80), (78, 80), (25, 80)
    assert mask[eyes] == mask[mouth] == 255
    assert mask[forehead] == 0
    assert not mask[:, :60].any()
    assert mask.dtype == np.uint8


def test_obfuscation_changes_the_mask_and_hardly_more() -> None:
    mask = face_region_mask(NOISE, [upright_face(40, 50, 40), upright_face(120, 60, 50)])
    covered = obfuscate(NOISE, mask)
    assert (covered != NOISE).any(axis=2)[mask > 0].mean() > 0.99
    near = cv2.dilate(mask, np.ones((9, 9), np.uint8))
    assert (covered == NOISE)[near == 0].all()
    # Near flat: what a strong blur leaves varies far less than noise does.
    assert covered[mask > 0].std() < NOISE[mask > 0].std() / 2
    assert (obfuscate(NOISE, np.zeros_like(mask)) == NOISE).all()


@pytest.mark.parametrize("weight", [0, 255])
def test_blending_is_exact_at_both_ends(weight: int) -> None:
    below, above = NOISE.copy(), NOISE[::-1].copy()
    expected = above if weight else NOISE
    blend(below, above, np.full((HEIGHT, WIDTH), weight, np.uint8))
    assert (below == expected).all()


def test_filters_by_name(tmp_path: Path) -> None:
    picture = tmp_path / "face.png"
    cv2.imwrite(str(picture), NOISE[..., ::-1])
    assert make_filter("blur") == Blur()
    assert make_filter("mosaic", mosaicsize=7) == Mosaic(7)
    assert make_filter("solid") == Solid()
    replaced: UInt8Array = make_filter(str(picture))(NOISE[:HEIGHT, :WIDTH], 50.0)
    assert (replaced == NOISE).all()


@pytest.mark.parametrize(("name", "size"), [("smudge", 20), ("", 20), ("mosaic", 0)])
def test_a_filter_that_does_not_exist_is_refused(name: str, size: int) -> None:
    with pytest.raises(ConfigError, match=r"--replacewith|--mosaicsize"):
        make_filter(name, mosaicsize=size)
