"""Faces between the moments at which they are found: tracker, motion and views."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.crop import View, halved, mirrored
from p3mvideo.privacy.detection import Box, Detection, intersection, iou, union
from p3mvideo.privacy.follow.motion import Motion
from p3mvideo.privacy.follow.tracker import HOLD_SECONDS, Tracker, match
from p3mvideo.privacy.region import Region
from tests.privacy.fakes import HEIGHT, WIDTH, face_at

STEP = 1 / 30


class Still:
    """A picture in which nothing moves."""

    def follow(self, box: Box) -> Box | None:
        return box

    def camera(self) -> tuple[float, float]:
        return 0.0, 0.0


def contains(outer: Box, inner: Box) -> bool:
    return intersection(outer, inner) >= 0.999 * (inner[2] - inner[0]) * (inner[3] - inner[1])


coordinates = st.tuples(st.floats(0, WIDTH), st.floats(0, HEIGHT), st.floats(10, 120), st.floats(0.3, 1.0))


@given(st.lists(st.lists(coordinates, max_size=4), min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_what_was_found_is_covered_in_its_frame_whatever_came_before(frames: list[list[tuple[float, float, float, float]]]) -> None:
    tracker = Tracker()
    for number, places in enumerate(frames):
        found = [face_at(*place) for place in places]
        tracker.predict(number * STEP)
        tracks = tracker.update(found, width=WIDTH, height=HEIGHT, moves=Still())
        covers = [track.cover(number * STEP).box for track in tracks]
        assert len({track.number for track in tracks}) == len(tracks)
        for face in found:
            assert any(contains(box, face.box) for box in covers)


@given(coordinates, st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_a_region_grows_with_the_age_of_its_last_detection(place: tuple[float, float, float, float], ages: int) -> None:
    tracker = Tracker()
    tracker.predict(0.0)
    tracks = tracker.update([face_at(*place[:3], 0.9)], width=WIDTH, height=HEIGHT, moves=Still())
    before = tracks[0].cover(0.0).box
    for number in range(1, ages):
        tracker.predict(number * STEP)
        tracks = tracker.update([], width=WIDTH, height=HEIGHT, moves=Still())
        now = tracks[0].cover(number * STEP).box
        assert contains(now, before)
        before = now


def test_a_face_is_given_up_in_the_end_and_a_doubtful_one_sooner() -> None:
    lasts = {}
    for score in (0.4, 0.9):
        tracker = Tracker()
        tracker.predict(0.0)
        tracker.update([face_at(100, 100, 40, score)], width=WIDTH, height=HEIGHT, moves=Still())
        number = 1
        while number < 200:
            tracker.predict(number * STEP)
            if not tracker.update([], width=WIDTH, height=HEIGHT, moves=Still()):
                break
            number += 1
        lasts[score] = number * STEP
    assert lasts[0.4] < lasts[0.9]
    assert lasts[0.9] == pytest.approx(HOLD_SECONDS, abs=0.1)


def test_a_face_is_soon_given_up_after_a_cut_but_not_at_once() -> None:
    tracker = Tracker()
    tracker.predict(0.0)
    tracker.update([face_at(100, 100)], width=WIDTH, height=HEIGHT, moves=Still())
    alive = 0
    for number in range(1, 60):
        tracker.predict(number * STEP)
        alive += bool(tracker.update([], width=WIDTH, height=HEIGHT, moves=None if number == 1 else Still()))
    assert 2 <= alive <= 15


def test_a_weak_find_far_off_leads_no_track_astray() -> None:
    region = Region((80, 80, 120, 120))
    assert match([region], [face_at(101, 99, 42, 0.9)]) == {0: 0}
    assert match([region], [face_at(122, 100, 40, 0.9)]) == {0: 0}
    assert match([region], [face_at(122, 100, 40, 0.3)]) == {}
    assert match([region], [face_at(101, 99, 80, 0.9)]) == {}


@pytest.mark.parametrize(("score", "follows"), [(0.35, False), (0.9, True)])
def test_only_finds_that_are_believed_tell_how_large_a_face_is(score: float, follows: bool) -> None:
    """Texture passes for a face of any size at low scores, and would grow over all of the picture step by step."""
    tracker, side = Tracker(), 40.0
    tracker.predict(0.0)
    tracker.update([face_at(100, 100, side, 0.9)], width=WIDTH, height=HEIGHT, moves=Still())
    for number in range(1, 8):
        side *= 1.3
        expected = tracker.predict(number * STEP)
        face = face_at(100, 100, side, score)
        found = [face] if match(expected, [face]) else []  # a search gives back no weak find that matches nothing
        tracker.update(found, width=WIDTH, height=HEIGHT, moves=Still())
    (region, *_) = tracker.predict(8 * STEP)
    assert (region.side_px > 4 * 40) == follows
    assert (region.side_px < 1.5 * 40) != follows


def test_many_weak_finds_hold_a_face_no_longer_than_one() -> None:
    def held_for(score: float, times: int) -> float:
        tracker = Tracker()
        for number in range(times):
            tracker.predict(number * STEP)
            tracker.update([face_at(100, 100, 40, score)], width=WIDTH, height=HEIGHT, moves=Still())
        last = (times - 1) * STEP
        tracker.predict(last + 1.5)
        return 1.5 if tracker.update([], width=WIDTH, height=HEIGHT, moves=Still()) else 0.0

    assert held_for(0.4, 30) == held_for(0.4, 1) == held_for(0.6, 1) == 0.0
    assert held_for(0.6, 30) == held_for(0.8, 1) == 1.5


def test_the_nearest_pair_goes_first() -> None:
    regions = [Region((80, 80, 120, 120)), Region((100, 80, 140, 120))]
    assert match(regions, [face_at(118, 100), face_at(104, 100)]) == {0: 1, 1: 0}


def test_an_update_without_a_moment_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="predict"):
        Tracker().update([], width=WIDTH, height=HEIGHT)


def test_union_keeps_the_surest_of_what_overlaps() -> None:
    sure, inside, apart = face_at(100, 100, 60, 0.9), face_at(104, 96, 30, 0.95), face_at(200, 100, 40, 0.5)
    assert [face.score for face in union([sure, inside, apart])] == [0.95, 0.5]
    assert iou(sure.box, sure.box) == 1
    assert iou(sure.box, apart.box) == 0
    assert iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0


def textured(seed: int, width: int = 640, height: int = 360) -> UInt8Array:
    """Return a picture with detail at every scale, uint8 RGB."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (6, 20, 60):
        noise = rng.random((cells, cells, 3)).astype(np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(total / 3 * 255, 0, 255), np.uint8)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (12, -8), (-24, 4)])
def test_a_box_is_followed_where_the_picture_goes(dx: int, dy: int) -> None:
    motion = Motion()
    scene = textured(1, 800, 500)
    assert motion.observe(np.ascontiguousarray(scene[60:420, 80:720]))
    assert not motion.observe(np.ascontiguousarray(scene[60 - dy : 420 - dy, 80 - dx : 720 - dx]))
    followed = motion.follow((200, 100, 320, 220))
    assert followed is not None
    assert np.allclose(followed, (200 + dx, 100 + dy, 320 + dx, 220 + dy), atol=4)
    assert np.allclose(motion.camera(), (dx, dy), atol=4)


def test_another_scene_is_a_cut_and_a_pan_is_none() -> None:
    motion = Motion()
    motion.observe(textured(1) // 3)
    assert motion.observe(255 - textured(2) // 3)
    assert not motion.observe(255 - np.roll(textured(2) // 3, 40, axis=1))
    assert motion.observe(np.zeros((90, 160, 3), np.uint8)), "another size cannot be compared"


def test_nothing_is_followed_where_nothing_can_be_seen() -> None:
    motion = Motion()
    flat = np.full((360, 640, 3), 128, np.uint8)
    assert motion.follow((10, 10, 50, 50)) is None
    assert motion.camera() == (0.0, 0.0)
    motion.observe(flat)
    motion.observe(textured(3))
    assert motion.follow((-300, -300, -200, -200)) is None


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (640, 360), (721, 1283)])
def test_halving_keeps_enough_of_any_picture(size: tuple[int, int]) -> None:
    width, height = size
    small, factor = halved(np.zeros((height, width, 3), np.uint8), max(size), 160)
    assert small.shape[0] == height // factor
    assert small.shape[1] == width // factor
    assert max(small.shape) >= min(160, max(size) - factor)
    wider, margin = mirrored(small)
    assert wider.shape == (small.shape[0] + 2 * margin, small.shape[1] + 2 * margin, 3)


@given(
    st.floats(-100, 700), st.floats(-100, 460), st.floats(20, 900), st.floats(-3.1, 3.1), st.floats(0.1, 0.9), st.floats(0.1, 0.9)
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_what_is_seen_in_a_view_is_where_it_is_in_the_picture(x: float, y: float, side: float, angle: float, u: float, v: float) -> None:
    size_px = 192
    view = View(x, y, side, angle)
    seen = face_at(u * size_px, v * size_px, 20)
    found = view.to_picture(seen, size_px)
    right, down = (u - 0.5) * side, (v - 0.5) * side
    expected = (
        x + right * math.cos(angle) - down * math.sin(angle), y + right * math.sin(angle) + down * math.cos(angle)
    )  # fmt: skip
    assert np.allclose(((found.box[0] + found.box[2]) / 2, (found.box[1] + found.box[3]) / 2), expected, atol=0.01 * side + 0.1)
    assert Region.of(found).lean == pytest.approx(math.remainder(angle, 2 * math.pi), abs=1e-3)


@pytest.mark.parametrize("view", [View(300, 200, 100), View(300, 200, 400, 0.6), View(20, 350, 200, -2.0), View(320, 180, 1500)])
def test_a_view_shows_what_lies_in_it(view: View) -> None:
    size_px = 128
    picture = np.zeros((360, 640, 3), np.uint8)
    for point, colour in (((290, 190), (255, 0, 0)), ((30, 340), (0, 255, 0)), ((320, 180), (0, 0, 255))):
        cv2.circle(picture, point, 8, colour, -1)
    shown = view.cut_out(picture, size_px)
    assert shown.shape == (size_px, size_px, 3)
    cos, sin = math.cos(view.angle), math.sin(view.angle)
    for (px, py), channel in (((290, 190), 0), ((30, 340), 1), ((320, 180), 2)):
        dx, dy = px - view.x, py - view.y
        u = (dx * cos + dy * sin) / view.side * size_px + size_px / 2
        v = (-dx * sin + dy * cos) / view.side * size_px + size_px / 2
        radius = 8 / view.side * size_px
        if radius > 1 and 2 < u < size_px - 2 and 2 < v < size_px - 2:
            assert shown[int(v), int(u), channel] > 100


def test_detections_move_with_their_key_points() -> None:
    face: Detection = face_at(10, 20, 8)
    moved = face.moved(scale=2, dx=1, dy=-1)
    assert moved.box == (13.0, 31.0, 29.0, 47.0)
    assert np.allclose(moved.key_points, face.key_points * 2 + (1, -1))


class InFront(Still):
    """A picture of which only a face in front can be followed, and takes along whatever is expected near it."""

    def follow(self, box: Box) -> Box | None:
        return box[0] - 8, box[1], box[2] - 8, box[3]


def test_a_face_behind_another_one_stays_covered_where_it_goes() -> None:
    tracker, side = Tracker(), 80.0
    for number in range(70):
        behind, in_front = 100 + 8.0 * number, 660 - 8.0 * number
        # What is found of the face in front is found a bit to the left and a bit to the right of it by turns.
        found = [face_at(in_front + (-10 if number % 2 else 10), 200, side, 0.95)]
        if not -0.4 * side < behind - in_front < 0.9 * side:
            found.append(face_at(behind, 190, side, 0.95))
        tracker.predict(number * STEP)
        tracks = tracker.update(found, width=800, height=400, moves=InFront())
        place = (behind - side / 2, 190 - side / 2, behind + side / 2, 190 + side / 2)
        assert any(contains(track.cover(number * STEP).box, place) for track in tracks), number
        assert len(tracks) == 2
