"""Plans: key frames stand for what was seen, plain values for the plan, and edits change what they say and nothing else."""

from __future__ import annotations

import json
import logging
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.errors import ConfigError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.options.edits import FacePoint
from p3mvideo.privacy.follow.track import HOLD_AFTER_CUT_SECONDS, HOLD_SECONDS
from p3mvideo.privacy.follow.tracked_face import Source
from p3mvideo.privacy.region import Region
from p3mvideo.privacy.two_pass.apply_edits import frames_in, resolved, with_edits, without_edits
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, KeyFrame, PlannedTrack, Sighting
from p3mvideo.privacy.two_pass.edits import Addition, Choice, Edits, HandBox, TimeRange, edits_from_json, edits_to_json
from p3mvideo.privacy.two_pass.follow_by_hand import HandFollower
from p3mvideo.privacy.two_pass.key_frames import ERROR, LEAN_ERROR_DEGREES, LEAST_ERROR_PX, spans_of
from p3mvideo.privacy.two_pass.plan_json import plan_from_json, plan_to_json

WIDTH, HEIGHT, RATE = 320, 240, 25
A_FEW = settings(max_examples=30)
STEPS: tuple[tuple[Source, int, float, float, float], ...] = (
    ("found", 1, 0.0, 0.0, 1.0), ("found", 1, 2.0, 0.1, 1.0), ("found", 1, 2.0, 0.1, 1.02), ("found", 1, -20.0, -1.2, 0.8),
    ("found", 4, 1.0, 0.0, 1.0), ("followed", 1, 2.0, 0.0, 1.0), ("held", 1, 0.0, 0.0, 1.0), ("held", 2, 0.3, 0.0, 1.0),
    ("filled", 1, 5.0, 0.05, 1.01),
)  # fmt: skip
"""How a face is known, and what comes after: frames, pixels to the right, radians, and the factor of its size."""


@st.composite
def sightings(draw: st.DrawFn) -> list[Sighting]:
    """One face that wanders, turns, changes in size, and is out of sight now and then."""
    frame, x, side, lean = draw(st.integers(0, 9)), 100.0, 40.0, 0.0
    seen = []
    for source, frames, right, turn, factor in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=30)):
        score = 1 / (1 + frame) if source == "found" else None
        margin = 1.6 if source == "found" else 8.8
        seen.append(Sighting(1, Region((x, 100, x + side, 100 + side), math.remainder(lean, 2 * math.pi)), source, score, None, margin, frame))
        frame, x, side, lean = frame + frames, x + right, max(10.0, side * factor), lean + turn
    return seen


@st.composite
def plans(draw: st.DrawFn) -> CoverPlan:
    """A recording with up to three faces and frames that could not be examined."""
    faces_seen = draw(st.lists(sightings(), max_size=3))
    tracks = [PlannedTrack(number, spans_of(seen)) for number, seen in enumerate(faces_seen, start=1)]
    frames = 1 + max((track.last.frame for track in tracks), default=0) + draw(st.integers(0, 5))
    unexamined = draw(st.frozensets(st.integers(0, frames - 1), max_size=4))
    return CoverPlan(WIDTH, HEIGHT, tuple(round(number / RATE, 6) for number in range(frames)), tuple(tracks), unexamined)


@A_FEW
@given(sightings())
def test_key_frames_stand_for_what_was_seen(seen: list[Sighting]) -> None:
    track = PlannedTrack(1, spans_of(seen))
    by_frame = {sighting.frame: sighting for sighting in seen}
    room = max(LEAST_ERROR_PX, ERROR * min(sighting.region.side_px for sighting in seen)) + 0.2
    for frame in range(seen[-1].frame + 3):
        told, was = track.at(frame), by_frame.get(frame)
        assert (told is None) == (was is None)
        if told is not None and was is not None:
            assert np.allclose(told.cover.box, was.cover.box, atol=2 * room)
            assert abs(math.remainder(math.degrees(told.region.lean - was.region.lean), 360)) < LEAN_ERROR_DEGREES + 0.2
            assert told.source == was.source
    scores = [sighting.score for sighting in seen if sighting.score is not None]
    weakest = track.weakest()
    assert (weakest is None) == (not scores)
    assert weakest is None or weakest.score == round(min(scores), 3)
    assert track.frames_by_source().total() == len(seen)


def test_a_face_that_moves_evenly_has_few_key_frames() -> None:
    seen = [Sighting(1, Region((n, 2 * n, n + 40, 2 * n + 40)), "found", 0.9, None, 1.6, n) for n in range(100)]
    assert sum(map(len, spans_of(seen))) == 2


@A_FEW
@given(plans())
def test_a_plan_that_is_read_back_is_the_same(plan: CoverPlan) -> None:
    again = plan_from_json(json.loads(json.dumps(plan_to_json(plan))))
    assert again == plan
    for frame in range(len(plan.seconds)):
        assert [(s.track, s.cover, s.source, s.score) for s in again.at(frame)] == [(s.track, s.cover, s.source, s.score) for s in plan.at(frame)]


SMALL = CoverPlan(WIDTH, HEIGHT, (0.0, 0.04), (PlannedTrack(1, ((KeyFrame(0, (1, 2, 3, 4), 0, 0, "found", 0.5),),)),))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tracks", 3), ("width", None), ("frame_seconds", [0.0]), ("frame_seconds", [0.0, math.inf]),
        ("unexamined", [{"first_frame": 0, "last_frame": 9**9}]),
        ("tracks", [{"track": 1, "uncovered": [], "dhash": None, "spans": [[]]}]), ("tracks", []), ("plan_id", "0"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(name: str, value: Any) -> None:
    values = plan_to_json(SMALL)
    plan_from_json(values)
    with pytest.raises(ConfigError):
        plan_from_json({**values, name: value})


def test_edits_that_are_read_back_are_the_same() -> None:
    added = Addition((HandBox(0.0, (1, 2, 3, 4), 5.0), HandBox(1.0, (2, 3, 4, 5))), 2.5)
    followed = Addition((HandBox(0.5, (1, 2, 3, 4)),), follow=True)
    choices = Choice(1, TimeRange(0.5, 1.0)), Choice(FacePoint(0.5, 3, 4)), Choice(2, TimeRange(end=3.0))
    edits = Edits(choices, choices[1:], (1, FacePoint(1, 2, 3)), (added, followed), (TimeRange(1, 2), TimeRange(3)), "abc")
    assert edits_from_json(json.loads(json.dumps(edits_to_json(edits)))) == edits


@pytest.mark.parametrize(
    "values",
    [
        {"version": 2}, {"format": "other"}, {"remove": []}, {"keep": 3}, {"keep": [3]}, {"keep": [{}]}, {"keep": [{"track": "one"}]},
        {"keep": [{"track": 1, "until": 3}]}, {"drop": [{"at": [1, 2]}]}, {"drop": [{"at": [1, 2, math.nan]}]},
        {"drop": [{"track": 1, "start": "1"}]},
        {"only": [{"track": True}]}, {"add": [{"boxes": []}]}, {"add": [{"boxes": [{"box": [0, 0, 9, 9]}]}]},
        {"add": [{"boxes": [{"seconds": 0, "box": [9, 0, 0, 9]}]}]}, {"add": [{"follow": 1, "boxes": [{"seconds": 0, "box": [0, 0, 9, 9]}]}]},
        {"add": [{"follow": True, "boxes": 2 * [{"seconds": 0, "box": [0, 0, 9, 9]}]}]}, {"show_unexamined": [{"start": math.inf}]},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_edit_is_refused_with_a_hint(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        edits_from_json({"version": 1, **values})
    assert refused.value.hint


time_ranges = st.sampled_from([TimeRange(), TimeRange(0.2, 0.4), TimeRange(0.4), TimeRange(end=0.3), TimeRange(0.12, 0.12)])


@A_FEW
@given(plans(), st.data())
def test_edits_change_what_they_say_and_nothing_else(plan: CoverPlan, data: st.DataObject) -> None:
    numbers = [track.number for track in plan.tracks]
    kept = data.draw(st.lists(st.tuples(st.sampled_from(numbers), time_ranges), max_size=2)) if numbers else []
    only = tuple(data.draw(st.lists(st.sampled_from(numbers), max_size=2))) if numbers else ()
    last = plan.seconds[-1]
    added = (Addition((HandBox(0.0, (10, 10, 40, 40)),), end=last),) if data.draw(st.booleans()) else ()
    edits = Edits(tuple(Choice(*choice) for choice in kept), only=only, add=added)
    try:
        edits = resolved(edits, plan)
    except ConfigError:
        return
    edited = with_edits(plan, edits, {})
    assert without_edits(edited) == plan
    for frame in range(len(plan.seconds)):
        open_tracks = {number for number, times in kept if frame in frames_in(plan, times)}
        expected = {s.track for s in plan.at(frame) if s.track not in open_tracks and (not only or s.track in only)}
        assert {s.track for s in edited.at(frame)} == expected | ({max(numbers, default=0) + 1} if added else set())
        assert edited.is_hidden(frame) == plan.is_hidden(frame)
    assert plan_from_json(json.loads(json.dumps(plan_to_json(edited)))) == edited


@pytest.mark.parametrize(
    ("edits", "named"),
    [
        (Edits(plan_id="0"), "other faces"),
        (Edits(keep=(Choice(1, TimeRange(0.04, 9)),)), "not in sight"),
        (Edits(drop=(Choice(1, TimeRange(0.02, 0.03)),)), "not in sight"),
        (Edits(add=(Addition((HandBox(0, (400, 0, 500, 90)),), 1.0),)), "outside the image"),
        (Edits(add=(Addition((HandBox(0.04, (10, 10, 50, 50)), HandBox(0, (10, 10, 50, 50)))),)), "follows one"),
        (Edits(add=(Addition((HandBox(0.04, (10, 10, 50, 50)),), 0.0),)), "before its box"),
        (Edits(add=(Addition((HandBox(3, (10, 10, 50, 50)),), 9.0),)), "no frame at 3 s"),
        (Edits(show_unexamined=(TimeRange(),)), "hidden as a whole"),
    ],
)
def test_edits_that_cannot_be_applied_are_named(edits: Edits, named: str) -> None:
    with pytest.raises(ConfigError, match=named) as refused:
        resolved(edits, SMALL)
    assert refused.value.hint


def test_a_point_stands_for_the_nearest_face_whose_cover_contains_it() -> None:
    tracks = [PlannedTrack(n, ((KeyFrame(0, box, 2, 0, "found", 0.9),),)) for n, box in enumerate([(0, 0, 40, 40), (30, 0, 70, 40)], start=1)]
    plan = CoverPlan(WIDTH, HEIGHT, (0.0,), tuple(tracks))
    assert resolved(Edits(keep=(Choice(FacePoint(0, 34, 20)),)), plan).keep == (Choice(1),)
    assert resolved(Edits(keep=(Choice(FacePoint(0, 37, 20)),)), plan).keep == (Choice(2),)


def moving(numbers: range, *, cut: int) -> list[UInt8Array]:
    """Return frames in which a patch goes to the right, from another scene from `cut` on."""
    rng = np.random.default_rng(0)
    ground, patch, other = rng.integers(90, 110, (120, 160, 3)), rng.integers(0, 255, (10, 10, 3)), rng.integers(180, 255, (120, 160, 3))
    images = []
    for number in numbers:
        image = ground.copy()
        image[40:70, 20 + number : 50 + number] = np.kron(patch, np.ones((3, 3, 1), int))
        images.append((image if number < cut else other).astype(np.uint8))
    return images


def test_a_face_is_followed_from_its_box_until_the_scene_changes() -> None:
    plan = CoverPlan(160, 120, tuple(round(number / RATE, 6) for number in range(60)))
    drawn = {0: Addition((HandBox(0.4, (30, 40, 60, 70)),), follow=True), 1: Addition((HandBox(0.4, (30, 40, 60, 70)),), 0.6, follow=True)}
    follower = HandFollower(plan, drawn)
    for number, image in enumerate(moving(range(60), cut=40)):
        follower.see(Frame.from_interleaved(image, number, Fraction(1, RATE)), number)
    logging.disable(logging.WARNING)
    try:
        spans = follower.spans()
    finally:
        logging.disable(logging.NOTSET)
    followed, limited = (PlannedTrack(number, of_face) for number, of_face in spans.items())
    assert (followed.first.frame, limited.first.frame, limited.last.frame) == (10, 10, 15)
    assert 40 <= followed.last.frame <= 40 + RATE * max(HOLD_AFTER_CUT_SECONDS, HOLD_SECONDS)
    for number in range(10, 40):
        sighting = followed.at(number)
        assert sighting is not None
        x0, y0, x1, y1 = sighting.cover.box
        assert x0 <= 20 + number
        assert x1 >= 50 + number
        assert y0 <= 40
        assert y1 >= 70
        assert x1 - x0 < 60


@pytest.mark.parametrize("times", [[2.5 * number for number in range(10)], [0.1 * number + (1.5 if number > 9 else 0) for number in range(20)]])
def test_a_pause_of_the_clock_loses_no_face_that_is_followed_from_a_box(times: list[float]) -> None:
    plan = CoverPlan(160, 120, tuple(round(at, 6) for at in times))
    follower = HandFollower(plan, {0: Addition((HandBox(0.0, (20, 40, 50, 70)),), follow=True)})
    (image,) = moving(range(1), cut=1)
    for number, at in enumerate(plan.seconds):
        follower.see(Frame.from_interleaved(image, round(at * 1000), Fraction(1, 1000)), number)
    (span,) = follower.spans()[0]
    assert (span[0].frame, span[-1].frame) == (0, len(times) - 1)
