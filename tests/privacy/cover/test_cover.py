"""What is covered is covered whole, tells nothing, and nothing else is touched."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.options.faces import DEFAULT_MASK_SCALE
from p3mvideo.privacy.cover.blend import blend
from p3mvideo.privacy.cover.cover import FaceCovers, FaceToCover, cover
from p3mvideo.privacy.cover.ellipse import Ellipse
from p3mvideo.privacy.cover.styles import Blur, ImageCover, Mosaic, MosaicOfFace, Solid, Style
from p3mvideo.privacy.region import Region, face_region_mask
from p3mvideo.yuv420 import Yuv420
from tests.privacy.fakes import face_at

WIDTH, HEIGHT = 160, 120
NOISE = np.random.default_rng(0).integers(1, 255, (HEIGHT, WIDTH, 3), np.uint8)
PAINT = (255, 0, 255)
WITHOUT_FACE: list[Style] = [Blur(), Mosaic(8), Solid(), ImageCover.of(np.dstack([NOISE[:40, :30], NOISE[:40, :30, :1]]))]
"""The styles that tell nothing of a face."""

regions = st.builds(
    lambda x, y, width, shape, angle: Region((x, y, x + width, y + width * shape), angle),
    st.floats(-60, WIDTH + 20), st.floats(-60, HEIGHT + 20), st.floats(3, 140), st.floats(0.6, 1.6), st.floats(-3.2, 3.2),
)  # fmt: skip


def scene(seed: int = 0) -> UInt8Array:
    """Return an image of smooth colours with some texture."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def inside(region: Region, *, mask_scale: float = DEFAULT_MASK_SCALE) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return what is covered completely, (H, W)."""
    return np.asarray(Ellipse.of(region, mask_scale=mask_scale).weight((0, 0, WIDTH, HEIGHT)) == 255)


@given(regions, st.floats(1.0, 2.0))
@settings(max_examples=200)
def test_pixels_outside_the_ellipse_are_the_same_bit_for_bit(region: Region, mask_scale: float) -> None:
    ellipse = Ellipse.of(region, mask_scale=mask_scale)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    dx, dy = x + 0.5 - ellipse.x, y + 0.5 - ellipse.y
    cos, sin = np.cos(ellipse.lean), np.sin(ellipse.lean)
    across, down = ellipse.across + ellipse.border_px, ellipse.down + ellipse.border_px
    outside = np.hypot((dx * cos + dy * sin) / across, (dy * cos - dx * sin) / down) > 1
    for style in (Solid(PAINT), Blur()):
        covered = cover(NOISE, [region], style, mask_scale=mask_scale)
        assert (covered[outside] == NOISE[outside]).all()
    core = np.hypot((dx * cos + dy * sin) / ellipse.across, (dy * cos - dx * sin) / ellipse.down) < 1
    assert (cover(NOISE, [region], Solid(PAINT), mask_scale=mask_scale)[core] == PAINT).all()


@pytest.mark.parametrize("side", [8, 10, 24, 60, 100])
@pytest.mark.parametrize("at", [(80, 60), (3, 60), (80, 115)])
def test_a_face_is_covered_from_brow_to_chin(side: float, at: tuple[float, float]) -> None:
    face = face_at(*at, side=side)
    assert inside(Region.of(face))[face_region_mask(NOISE, [face]) > 0].all()


def test_a_cover_is_no_larger_than_a_head() -> None:
    region = Region((60, 40, 100, 80))
    touched = (cover(NOISE, [region], Solid(PAINT)) != NOISE).any(axis=2)
    rows, columns = np.nonzero(touched)
    assert 40 <= np.ptp(columns) <= 1.6 * 40
    assert 40 <= np.ptp(rows) <= 1.8 * 40


@given(st.lists(regions, min_size=1, max_size=3), st.integers(0, len(WITHOUT_FACE) - 1), st.integers(0, 9))
@settings(max_examples=150)
def test_a_cover_is_the_same_whoever_is_under_it(faces: list[Region], style: int, seed: int) -> None:
    one, other = scene(seed), scene(seed)
    for region in faces:
        hidden = inside(region)
        other[hidden] = NOISE[hidden]
    np.testing.assert_array_equal(cover(one, faces, WITHOUT_FACE[style]), cover(other, faces, WITHOUT_FACE[style]))


def test_a_moving_cover_is_the_same_whoever_is_under_it() -> None:
    covers = FaceCovers(Blur()), FaceCovers(Blur())
    for number in range(6):
        faces = [FaceToCover(0, Region.of(face_at(50 + 6 * number, 60, 40))), FaceToCover(1, Region.of(face_at(100, 60, 40)))]
        one, other = scene(), scene()
        for face in faces:
            # What stays behind by a little is not yet or no longer covered completely.
            hidden = inside(Region(face.region.grown(-4).box))
            other[hidden] = NOISE[hidden]
        shown = [of(image, faces, number / 30).image for of, image in zip(covers, (one, other), strict=True)]
        np.testing.assert_array_equal(shown[0], shown[1])


def test_a_mosaic_of_the_face_depends_on_the_face() -> None:
    region = Region((50, 30, 110, 90))
    dark, light = scene(), scene()
    dark[inside(region)], light[inside(region)] = 0, 255
    assert (cover(dark, [region], MosaicOfFace(10)) != cover(light, [region], MosaicOfFace(10))).any()


def test_a_blur_takes_the_colours_around_the_face() -> None:
    image = np.full((HEIGHT, WIDTH, 3), (60, 120, 200), np.uint8)
    region = Region((60, 40, 100, 80))
    image[inside(region)] = (250, 10, 10)
    covered = cover(image, [region], Blur())
    assert np.abs(covered.astype(int) - (60, 120, 200)).max() <= 8


def test_faces_side_by_side_do_not_take_each_others_colours() -> None:
    image = np.full((HEIGHT, WIDTH, 3), (60, 120, 200), np.uint8)
    faces = [Region((40, 40, 80, 80)), Region((75, 40, 115, 80))]
    for region in faces:
        image[inside(region)] = (250, 10, 10)
    covered = cover(image, faces, Blur())
    assert np.abs(covered.astype(int) - (60, 120, 200)).max() <= 8


@pytest.mark.parametrize("style", WITHOUT_FACE, ids=["blur", "mosaic", "solid", "image"])
def test_a_face_as_large_as_the_image_is_covered(style: Style) -> None:
    faces = [cover(np.full((HEIGHT, WIDTH, 3), level, np.uint8), [Region((-80, -100, 240, 220))], style) for level in (10, 240)]
    np.testing.assert_array_equal(faces[0], faces[1])


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_a_blur_has_the_films_own_noise(noise: float) -> None:
    rng = np.random.default_rng(0)
    image = np.clip(120 + rng.normal(0, noise, (HEIGHT, WIDTH, 1)) + np.zeros(3), 0, 255).round().astype(np.uint8)
    region = Region((50, 30, 110, 90))
    covered = cover(image, [region], Blur())[inside(region)]
    assert float(covered.std(axis=0).mean()) == pytest.approx(noise, abs=0.8)


def test_a_cover_keeps_still_while_the_box_trembles() -> None:
    rng = np.random.default_rng(0)
    image, covers = scene(), FaceCovers(Solid(PAINT))
    borders = []
    for number in range(20):
        box = face_at(80 + rng.uniform(-1, 1), 60 + rng.uniform(-1, 1), 40)
        covered = covers(image, [FaceToCover(0, Region.of(box))], number / 30).image
        borders.append(int(np.nonzero((covered[60] != image[60]).any(axis=1))[0][0]))
    assert np.ptp(borders[5:]) <= 1


def test_a_cover_follows_a_fast_face_whole() -> None:
    covers = FaceCovers(Solid(PAINT))
    for number in range(8):
        face = face_at(20 + 15 * number, 60, 30)
        covered = covers(NOISE, [FaceToCover(0, Region.of(face))], number / 30).image
        assert (covered[face_region_mask(NOISE, [face]) > 0] == PAINT).all()


def test_another_scene_leaves_no_colours_behind() -> None:
    covers = FaceCovers(Blur())
    region = Region((60, 40, 100, 80))
    for number in range(4):
        covers(np.full((HEIGHT, WIDTH, 3), 200, np.uint8), [FaceToCover(0, region)], number / 30)
    covered = covers(np.full((HEIGHT, WIDTH, 3), 40, np.uint8), [FaceToCover(0, region)], 4 / 30).image
    assert np.abs(covered.astype(int) - 40).max() <= 4


def test_a_image_is_scaled_and_turned_with_the_face_and_has_no_dark_rim() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    pixels = np.zeros((40, 40, 4), np.uint8)
    cv2.circle(pixels, (20, 20), 14, (200, 200, 200, 255), -1)
    pixels[:20, 18:22, :3] = (0, 200, 0)  # points up
    covered = cover(image, [Region((50, 30, 110, 90), np.pi / 2)], ImageCover.of(pixels))
    green = (covered.astype(int) @ (-1, 2, -1)) > 200
    rows, columns = np.nonzero(green)
    assert columns.mean() > 85, "a head that leans by 90 degrees clockwise points right"
    assert abs(rows.mean() - 60) < 2
    assert covered[..., 1].min() >= 196, "a colour that was transparent shows"


@pytest.mark.parametrize("weight", [0, 255])
def test_blending_is_exact_at_both_ends(weight: int) -> None:
    below, above = NOISE.copy(), NOISE[::-1].copy()
    expected = above if weight else NOISE
    blend(below, above, np.full((HEIGHT, WIDTH), weight, np.uint8))
    assert (below == expected).all()


@pytest.mark.parametrize("style", WITHOUT_FACE, ids=lambda style: type(style).__name__)
def test_what_a_video_stores_changes_under_covers_only_and_tells_nothing_of_the_face(style: Style) -> None:
    region = Region.of(face_at(81, 57, 30))
    weight = Ellipse.of(region, mask_scale=DEFAULT_MASK_SCALE).weight((0, 0, WIDTH, HEIGHT))
    covered = []
    for face in (NOISE[:60, :60], 255 - NOISE[:60, :60]):
        image = scene()
        within = (weight == 255)[27:87, 51:111]
        image[27:87, 51:111][within] = face[within]
        before = replace(Frame.from_interleaved(image), yuv=Yuv420.of_rgb(image, (0.2126, 0.0722)))
        result = FaceCovers(style)(image, [FaceToCover(0, region)], 0.0)
        after = before.edited(result.image, result.places)
        assert before.yuv is not None
        assert after.yuv is not None
        untouched = weight == 0
        assert np.array_equal(after.yuv.y[untouched], before.yuv.y[untouched])
        unshared = untouched.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).all(axis=(1, 3))
        assert np.array_equal(after.yuv.uv[unshared], before.yuv.uv[unshared])
        covered.append(after.yuv)
    assert np.array_equal(covered[0].y, covered[1].y)
    assert np.array_equal(covered[0].uv[~unshared], covered[1].uv[~unshared])
