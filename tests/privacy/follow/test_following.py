"""Faces between the moments at which they are found: tracker, motion and views."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.privacy.detect.crop import View, halved, mirrored
from p3mvideo.privacy.detection import Box, Detection, intersection, iou, union
from p3mvideo.privacy.follow.matching import match, overlap
from p3mvideo.privacy.follow.motion import Motion, similarity
from p3mvideo.privacy.follow.track import FOLLOW_SECONDS, HOLD_AT_BORDER_SECONDS, HOLD_DOUBTFUL_SECONDS, HOLD_SECONDS, Moves, Track
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.follow.tracker import ONE_FACE, Tracker
from p3mvideo.privacy.region import Region
from tests.privacy.fakes import HEIGHT, WIDTH, face_at

STEP = 1 / 30


def looks_like(seed: int) -> Float32Array:
    """Return what some face looks like, as `Motion.patch` does; others look otherwise."""
    noise = np.random.default_rng(seed).standard_normal((24, 24)).astype(np.float32)
    patch: Float32Array = (noise - noise.mean()) / noise.std()
    return patch


class Still:
    """An image in which nothing moves, and everything looks as `seed` says."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def follow(self, box: Box) -> Box | None:
        return box

    def patch(self, box: Box) -> Float32Array | None:
        return looks_like(self.seed)


class Blind:
    """An image of which nothing can be told."""

    def follow(self, box: Box) -> Box | None:
        return None

    def patch(self, box: Box) -> Float32Array | None:
        return None


def contains(outer: Box, inner: Box) -> bool:
    return intersection(outer, inner) >= 0.999 * (inner[2] - inner[0]) * (inner[3] - inner[1])


def lived(tracker: Tracker, moves: Moves, first: int = 1) -> list[TrackedFace]:
    """Return the one face that is followed, frame by frame from number `first` on, until it is given up unfound."""
    faces = []
    for number in range(first, first + 200):
        tracker.predict(number * STEP)
        tracks = tracker.update([], width=WIDTH, height=HEIGHT, moves=moves)
        if not tracks:
            break
        faces.append(tracks[0].face(number * STEP))
    return faces


def saw(tracker: Tracker, number: int, *found: Detection, moves: Moves | None = None) -> tuple[Track, ...]:
    """Let a tracker see what was found in a frame."""
    tracker.predict(number * STEP)
    return tracker.update(found, width=WIDTH, height=HEIGHT, moves=moves or Blind())


coordinates = st.tuples(st.floats(0, WIDTH), st.floats(0, HEIGHT), st.floats(10, 120), st.floats(0.5, 1.0))


@given(st.lists(st.lists(coordinates, max_size=4), min_size=1, max_size=12))
@example([[(0.0, 0.0, 10.0, 1.0), (0.0, 61.0, 55.0, 1.0)], [(0.0, 144.0, 10.0, 1.0), (26.0, 167.0, 48.0, 1.0)]])
@settings(max_examples=60)
def test_what_was_surely_found_is_covered_in_its_frame_whatever_came_before(
    frames: list[list[tuple[float, float, float, float]]],
) -> None:
    tracker = Tracker()
    for number, places in enumerate(frames):
        found = union(face_at(*place) for place in places)
        tracks = saw(tracker, number, *found, moves=Still())
        covers = [track.face(number * STEP).cover.box for track in tracks]
        assert len({track.number for track in tracks}) == len(tracks)
        for face in found:
            assert any(contains(box, face.box) for box in covers)


def test_a_face_that_loses_its_evidence_is_held_where_it_was_for_a_stated_time() -> None:
    tracker = Tracker()
    saw(tracker, 0, face_at(100, 100))
    faces = lived(tracker, Blind())
    assert len(faces) * STEP == pytest.approx(HOLD_SECONDS, abs=1.5 * STEP)
    assert {face.source for face in faces} == {"held"}
    assert {face.region.box for face in faces} == {(80.0, 80.0, 120.0, 120.0)}
    assert contains((70, 70, 130, 130), faces[-1].cover.box)


def test_a_face_that_the_border_cuts_off_is_held_longer_for_it_may_come_back() -> None:
    tracker = Tracker()
    saw(tracker, 0, face_at(WIDTH - 4, 100))
    faces = lived(tracker, Blind())
    assert len(faces) * STEP == pytest.approx(HOLD_AT_BORDER_SECONDS, abs=1.5 * STEP)
    assert {face.region.box for face in faces} == {(WIDTH - 24.0, 80.0, WIDTH + 16.0, 120.0)}


def test_what_the_border_cuts_off_has_no_speed_for_its_middle_is_not_known() -> None:
    tracker = Tracker()
    saw(tracker, 0, face_at(WIDTH - 1, 120))  # as a mirror completes half of it
    saw(tracker, 1, face_at(WIDTH - 18, 120))
    (still,) = tracker.predict(2 * STEP)
    assert still.box[0] + still.box[2] == pytest.approx(2 * (WIDTH - 18))
    for number in range(2, 8):
        saw(tracker, number, face_at(WIDTH - 18 - 4 * number, 120))
    (moving,) = tracker.predict(8 * STEP)
    assert moving.box[0] + moving.box[2] == pytest.approx(2 * (WIDTH - 18 - 4 * 8), abs=6)


def test_what_was_never_confirmed_ends_quickly_however_often_it_is_found() -> None:
    for finds in (1, 30):
        tracker = Tracker()
        for number in range(finds):
            saw(tracker, number, face_at(100, 100, 40, 0.5), moves=Still())
        assert len(lived(tracker, Still(), finds)) * STEP < HOLD_DOUBTFUL_SECONDS + 1.5 * STEP
    for believed in (0.9, 0.57):
        tracker = Tracker()
        for number in range(10):
            saw(tracker, number, face_at(100, 100, 40, believed))
        assert len(lived(tracker, Blind(), 10)) * STEP > HOLD_DOUBTFUL_SECONDS + 2 * STEP


def test_what_is_believed_less_and_less_is_given_up_though_it_is_found() -> None:
    tracker = Tracker()
    believed = (0.5, 0.31, 0.31)
    assert [len(saw(tracker, number, face_at(100, 100, 40, score))) for number, score in enumerate(believed)] == [1, 1, 0]


def test_a_face_is_followed_as_long_as_its_pixels_look_like_it() -> None:
    tracker = Tracker()
    saw(tracker, 0, face_at(100, 100), moves=Still(seed=1))
    faces = lived(tracker, Still(seed=1))
    assert {face.source for face in faces[:30]} == {"followed"}
    assert len(faces) * STEP == pytest.approx(FOLLOW_SECONDS + HOLD_SECONDS, abs=2 * STEP)
    tracker.reset()
    saw(tracker, 0, face_at(100, 100), moves=Still(seed=1))
    assert {face.source for face in lived(tracker, Still(seed=2))} == {"held"}


class Swelling(Still):
    """An image whose motion swells whatever is followed."""

    def follow(self, box: Box) -> Box | None:
        return box[0] - 3, box[1] - 3, box[2] + 3, box[3] + 3


def test_what_is_followed_never_grows_without_bound() -> None:
    tracker = Tracker()
    saw(tracker, 0, face_at(160, 120), moves=Still())
    assert max(face.region.side_px for face in lived(tracker, Swelling())) <= 1.5 * 40 + 1e-6


def test_no_face_is_held_where_two_finds_alone_would_send_it() -> None:
    tracker = Tracker()
    saw(tracker, 0, face_at(100, 100))
    saw(tracker, 1, face_at(100, 88))
    assert all(face.region.box[1] > 60 for face in lived(tracker, Blind(), 2))


def test_a_face_is_soon_given_up_after_a_cut_but_not_at_once() -> None:
    tracker = Tracker()
    saw(tracker, 0, face_at(100, 100), moves=Still())
    alive = 0
    for number in range(1, 60):
        tracker.predict(number * STEP)
        alive += bool(tracker.update([], width=WIDTH, height=HEIGHT, moves=None if number == 1 else Still(seed=5)))
    assert 2 <= alive <= 10


def test_two_tracks_of_one_face_become_one_with_the_elder_number() -> None:
    tracker = Tracker()
    saw(tracker, 0, face_at(300, 100, 40))
    tracks = saw(tracker, 1, face_at(300, 100, 40), face_at(250, 100, 20))
    assert len(tracks) == 2
    tracker = Tracker()
    saw(tracker, 0, face_at(290, 100, 60, 0.8))  # half a face at the border, seen too large
    tracks = saw(tracker, 1, face_at(310, 105, 30, 0.9))
    assert [track.number for track in tracks] == [0]
    assert tracks[0].region.side_px < 60


@pytest.mark.parametrize("share", [0.05, 0.15, 0.25])
def test_two_faces_that_were_found_beside_each_other_stay_two_when_they_come_nearer(share: float) -> None:
    """However little they were ever apart: the searches take what shares less than three tenths for two."""
    tracker, begins = Tracker(), 80 / 2 + 44 / 2 - share * 44
    for number in range(12):
        nearer = max(36.0, begins - 3 * number)
        tracks = saw(tracker, number, face_at(100, 100, 80), face_at(100 + nearer, 100, 44, 0.8))
    assert overlap(tracks[0].region.box, tracks[-1].region.box) > ONE_FACE
    assert len(tracks) == 2


def test_a_face_that_jumps_stays_the_same_if_it_looks_the_same() -> None:
    def number_after(seed: int) -> int:
        tracker = Tracker()
        for number in range(6):
            saw(tracker, number, face_at(100, 100), moves=Still(seed=1))
        return next(track.number for track in saw(tracker, 6, face_at(150, 100), moves=Still(seed=seed)) if track.source == "found")

    assert number_after(1) == 0
    assert number_after(2) != 0


def test_a_face_that_comes_back_where_it_was_keeps_its_number_and_nothing_is_covered_meanwhile() -> None:
    tracker = Tracker()
    saw(tracker, 0, face_at(100, 100), moves=Still())
    for number in range(1, 40):
        tracks = saw(tracker, number)
    assert tracks == ()
    assert [track.number for track in saw(tracker, 40, face_at(104, 100), moves=Still())] == [0]


@pytest.mark.parametrize("other", [0.82, 0.9])
def test_sizes_and_places_settle_while_two_models_disagree(other: float) -> None:
    tracker, sides, middles = Tracker(), [], []
    for number in range(40):
        side = 40 if number % 2 else 40 * other
        (track,) = saw(tracker, number, face_at(100 + number % 2, 100, side))
        sides.append(track.region.side_px)
        middles.append((track.region.box[0] + track.region.box[2]) / 2)
    assert max(np.abs(np.diff(sides[10:]))) < 0.7 * 40 * (1 - other)
    assert max(np.abs(np.diff(middles[10:]))) < 0.7


def test_a_weak_find_far_off_leads_no_track_astray() -> None:
    region = Region((80, 80, 120, 120))
    assert match([region], [face_at(101, 99, 42, 0.9)]) == {0: 0}
    assert match([region], [face_at(122, 100, 40, 0.9)]) == {0: 0}
    assert match([region], [face_at(122, 100, 40, 0.3)]) == {}
    assert match([region], [face_at(101, 99, 80, 0.9)]) == {}


@pytest.mark.parametrize(("score", "follows"), [(0.35, False), (0.9, True)])
def test_only_finds_that_are_believed_tell_how_large_a_face_is(score: float, follows: bool) -> None:
    """Texture passes for a face of any size at low scores, and would grow over all of the image step by step."""
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
    """Return an image with detail at every scale, uint8 RGB."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (6, 20, 60):
        noise = rng.random((cells, cells, 3)).astype(np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(total / 3 * 255, 0, 255), np.uint8)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (12, -8), (-24, 4)])
def test_a_box_is_followed_where_the_image_goes(dx: int, dy: int) -> None:
    motion = Motion()
    scene = textured(1, 800, 500)
    assert motion.observe(np.ascontiguousarray(scene[60:420, 80:720]))
    assert not motion.observe(np.ascontiguousarray(scene[60 - dy : 420 - dy, 80 - dx : 720 - dx]))
    followed = motion.follow((200, 100, 320, 220))
    assert followed is not None
    assert np.allclose(followed, (200 + dx, 100 + dy, 320 + dx, 220 + dy), atol=4)
    patches = [motion.patch(box) for box in (followed, (200 + dx, 100 + dy, 320 + dx, 220 + dy), (400, 40, 520, 160))]
    right, elsewhere = (similarity(patches[0], patch) for patch in patches[1:] if patch is not None and patches[0] is not None)
    assert right > 0.9
    assert elsewhere < 0.5


def test_another_scene_is_a_cut_and_a_pan_is_none() -> None:
    motion = Motion()
    motion.observe(textured(1) // 3)
    assert motion.observe(255 - textured(2) // 3)
    assert not motion.observe(255 - np.roll(textured(2) // 3, 40, axis=1))
    assert motion.observe(np.zeros((90, 160, 3), np.uint8)), "another size cannot be compared"


def test_another_scene_that_is_as_light_is_a_cut_and_a_fast_pan_is_none() -> None:
    scene = cv2.convertScaleAbs(textured(1), alpha=2.0, beta=-128)
    motion = Motion()
    motion.observe(scene)
    assert not motion.observe(np.roll(scene, 16, axis=1))
    assert motion.observe(np.ascontiguousarray(scene[::-1, ::-1]))


def test_nothing_is_followed_where_nothing_can_be_seen() -> None:
    motion = Motion()
    flat = np.full((360, 640, 3), 128, np.uint8)
    assert motion.follow((10, 10, 50, 50)) is None
    assert motion.patch((10, 10, 50, 50)) is None
    motion.observe(flat)
    motion.observe(textured(3))
    assert motion.follow((-300, -300, -200, -200)) is None


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (640, 360), (721, 1283)])
def test_halving_keeps_enough_of_any_image(size: tuple[int, int]) -> None:
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
@settings(max_examples=60)
def test_what_is_seen_in_a_view_is_where_it_is_in_the_image(x: float, y: float, side: float, angle: float, u: float, v: float) -> None:
    size_px = 192
    view = View(x, y, side, angle)
    seen = face_at(u * size_px, v * size_px, 20)
    found = view.to_image(seen, size_px)
    right, down = (u - 0.5) * side, (v - 0.5) * side
    expected = (
        x + right * math.cos(angle) - down * math.sin(angle), y + right * math.sin(angle) + down * math.cos(angle)
    )  # fmt: skip
    assert np.allclose(((found.box[0] + found.box[2]) / 2, (found.box[1] + found.box[3]) / 2), expected, atol=0.01 * side + 0.1)
    assert Region.of(found).lean == pytest.approx(math.remainder(angle, 2 * math.pi), abs=1e-3)


@pytest.mark.parametrize("view", [View(300, 200, 100), View(300, 200, 400, 0.6), View(20, 350, 200, -2.0), View(320, 180, 1500)])
def test_a_view_shows_what_lies_in_it(view: View) -> None:
    size_px = 128
    image = np.zeros((360, 640, 3), np.uint8)
    for point, colour in (((290, 190), (255, 0, 0)), ((30, 340), (0, 255, 0)), ((320, 180), (0, 0, 255))):
        cv2.circle(image, point, 8, colour, -1)
    shown = view.cut_out(image, size_px)
    assert shown.shape == (size_px, size_px, 3)
    cos, sin = math.cos(view.angle), math.sin(view.angle)
    for (px, py), channel in (((290, 190), 0), ((30, 340), 1), ((320, 180), 2)):
        dx, dy = px - view.x, py - view.y
        u = (dx * cos + dy * sin) / view.side * size_px + size_px / 2
        v = (-dx * sin + dy * cos) / view.side * size_px + size_px / 2
        radius = 8 / view.side * size_px
        if radius > 1 and 2 < u < size_px - 2 and 2 < v < size_px - 2:
            assert shown[int(v), int(u), channel] > 100


def test_half_a_face_at_the_border_is_completed_by_a_mirror_and_a_whole_one_has_no_twin() -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    cv2.circle(image, (600, 180), 8, (255, 0, 0), -1)
    beside, mirrored_half = (View(x, 180, 300).cut_out(image, 150) for x in (560, 638))
    assert (beside[:, 120:] == beside[0, -1]).all()
    assert mirrored_half[75, 56, 0] > 100
    assert mirrored_half[75, 95, 0] > 100
    as_it_is = View(638, 180, 300, mirrors=False).cut_out(image, 150)
    assert as_it_is[75, 56, 0] > 100
    assert (as_it_is[:, 78:] == as_it_is[0, -1]).all()


def test_detections_move_with_their_key_points() -> None:
    face: Detection = face_at(10, 20, 8)
    moved = face.moved(scale=2, dx=1, dy=-1)
    assert moved.box == (13.0, 31.0, 29.0, 47.0)
    assert moved.key_points is not None
    assert face.key_points is not None
    assert np.allclose(moved.key_points, face.key_points * 2 + (1, -1))


class InFront(Still):
    """An image of which only a face in front can be followed, and takes along whatever is expected near it."""

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
        assert any(contains(track.face(number * STEP).cover.box, place) for track in tracks), number
        assert len(tracks) == 2


def test_what_is_left_of_a_face_that_another_one_hides_does_not_tell_where_it_goes() -> None:
    tracker, side = Tracker(), 80.0
    for number in range(70):
        behind, in_front = 100 + 8.0 * number, 660 - 8.0 * number
        found = [face_at(in_front, 200, side, 0.95)]
        gap = in_front - behind
        # The head of the one in front hides the other before their faces touch; just before, what is left of that is smaller and lags.
        if not -0.9 * side < gap < 1.2 * side:
            left = min(1.0, max(0.7, (gap - 0.4 * side) / side)) if gap > 0 else 1.0
            found.append(face_at(behind - (1 - left) * side / 2, 190, left * side, 0.95))
        tracker.predict(number * STEP)
        tracks = tracker.update(found, width=800, height=400, moves=InFront())
        if gap < -0.6 * side:
            place = (behind - 0.3 * side, 190 - 0.3 * side, behind + 0.3 * side, 190 + 0.3 * side)
            assert any(contains(track.face(number * STEP).cover.box, place) for track in tracks), number
        assert len(tracks) == 2


@pytest.mark.parametrize(("width", "height"), [(640, 1), (1, 640), (4000, 12), (1, 1)])
def test_the_thinnest_images_are_followed(width: int, height: int) -> None:
    motion = Motion()
    for level in (60, 61, 200):
        motion.observe(np.full((height, width, 3), level, np.uint8))
