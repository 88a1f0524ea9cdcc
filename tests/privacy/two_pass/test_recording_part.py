"""A recording whose faces were looked for in parts is covered as one that was seen in one go."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, count, takewhile

import pytest

from p3mvideo.privacy.detection import Detection, intersection
from p3mvideo.privacy.follow import recording_parts
from p3mvideo.privacy.follow.face_follower import Follower
from p3mvideo.privacy.follow.matching import centre
from p3mvideo.privacy.follow.relayed_follower import PartFollower, RelayedFollower
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.region import Region
from p3mvideo.privacy.two_pass import whole_recording
from p3mvideo.privacy.two_pass.face_record import FaceRecord, FacesOfFrame
from p3mvideo.privacy.two_pass.first_pass import Survey
from p3mvideo.privacy.two_pass.plan_json import plan_to_json
from p3mvideo.privacy.two_pass.recording_part import RecordingPart, join_parts
from p3mvideo.privacy.two_pass.whole_recording import WholeRecording
from tests.privacy.fakes import RATE, ScriptedSearch, face_at, frame

FRAMES, BORDER, AROUND = 180, 90, 60
"""Frames of the recording, the one at which its second part begins, and how many are looked at around that."""
Script = Callable[[int], Sequence[Detection]]


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_parts, "PART_SECONDS", BORDER / RATE)
    monkeypatch.setattr(recording_parts, "BEFORE_SECONDS", AROUND / RATE)
    monkeypatch.setattr(whole_recording, "AFTER_SECONDS", AROUND / RATE)


def moving(n: int) -> Sequence[Detection]:
    """Return a face that moves through the whole recording, missed now and then, and one that is seen just after the border."""
    late = [face_at(250, 190)] if n >= BORDER + 3 else []
    return [*([face_at(60 + n, 80)] if n % 7 else []), *late]


def fading(n: int) -> Sequence[Detection]:
    """Return a face that is seen well until shortly before the second part is looked at, and barely from then on."""
    return [face_at(60, 80)] if n < BORDER - AROUND - 5 else [replace(face_at(60, 80, score=0.3), belief=None)]


def doubted(n: int) -> Sequence[Detection]:
    """Return something that looks a little like a face for some frames about the border."""
    return [face_at(60, 200, score=0.3)] if BORDER - 10 <= n < BORDER + 10 else []


def survey_from(first: int, script: Script = moving, doubts: Script = doubted) -> Survey:
    """Return what looks at frames from one on."""
    return Survey(ScriptedSearch(lambda n: script(n + first), lambda n: doubts(n + first)), ScriptedSearch(lambda n: ()))


def look(first: int, last: int, script: Script = moving, doubts: Script = doubted) -> RecordingPart:
    """Return what is found in some frames, as it is kept in a file."""
    survey = survey_from(first, script, doubts)
    for number in range(first, last):
        survey.see(frame(number))
    part = survey.part()
    survey.close()
    return RecordingPart.from_json(json.loads(json.dumps(part.to_json())))


def test_parts_cover_what_one_survey_covers() -> None:
    whole = look(0, FRAMES).plan()
    joined = join_parts({0: look(0, BORDER + AROUND), 1: look(BORDER - AROUND, FRAMES)}).plan()
    assert joined.seconds == whole.seconds
    assert [track.number for track in joined.tracks] == [track.number for track in whole.tracks] == [1, 2]
    assert [(one.first, one.last) for one in joined.candidates] == [(one.first, one.last) for one in whole.candidates] == [(BORDER - 10, BORDER + 9)]
    assert whole.tracks[1].first.frame < BORDER, "or nothing is followed back over the border"
    for number in range(FRAMES):
        for face in whole.at(number):
            covers = [other.cover.box for other in joined.at(number) if other.track == face.track]
            side = face.region.side_px
            assert covers, f"frame {number}"
            assert intersection(covers[0], face.region.box) > 0.99 * side * side, f"frame {number}"


@pytest.mark.parametrize(("first", "last"), [(70, 190), (0, 60)])
def test_a_recording_seen_in_one_go_is_covered_as_its_parts(first: int, last: int) -> None:
    begins = (max(first, part * BORDER - AROUND) for part in count(first // BORDER))
    recording = WholeRecording(lambda: survey_from(next(begins)))
    for number in range(first, last):
        recording.see(frame(number))
    parts = {
        part: look(max(first, part * BORDER - AROUND), min(last, (part + 1) * BORDER + AROUND))
        for part in range(first // BORDER, (last - 1) // BORDER + 1)
    }
    assert plan_to_json(recording.plan()) == plan_to_json(join_parts(parts).plan())
    recording.close()


def test_a_single_part_is_the_whole() -> None:
    part = look(0, 60, doubts=lambda n: ())
    assert join_parts({0: part}).plan() == part.plan()


def test_faces_of_parts_have_one_number_each() -> None:
    def faces(numbers: dict[int, float]) -> FacesOfFrame:
        """Return faces by their number in a part, at some x."""
        return FacesOfFrame(tuple(TrackedFace(number, Region((x, 0.0, x + 20, 20.0)), "found", 0.9) for number, x in numbers.items()))

    first = FaceRecord({0.0: faces({1: 0, 2: 100}), 2.0: faces({1: 1, 2: 100})})
    second = FaceRecord({2.0: faces({1: 100, 2: 2}), 3.0: FacesOfFrame(None), 4.0: faces({1: 100, 2: 3, 3: 200})})
    joined = FaceRecord.from_json(json.loads(json.dumps(FaceRecord.joined({0: first, 1: second}).to_json())))
    assert [(face.track, centre(face.region.box)[0]) for face in joined.at(4.0)] == [(2, 110), (1, 13), (3, 210)]
    assert [face.track for face in joined.at(2.0)] == [1, 2]
    summary = joined.summary()
    assert (summary.frames, summary.faces, summary.frames_covered_whole) == (4, 3, 1)
    assert math.isclose(summary.weakest_score or 0, 0.9)


@pytest.mark.parametrize(("script", "faces"), [(moving, 2), (fading, 1)])
def test_faces_followed_in_one_go_are_those_of_the_parts(script: Script, faces: int) -> None:
    begins = (max(0, part * BORDER - AROUND) for part in count())

    def follower_from(first: int) -> Follower:
        # Who begins late does not find what can barely be seen.
        return Follower(ScriptedSearch(lambda n: [face for face in script(n + first) if not first or face.score > 0.3], doubted))

    def record(part: int) -> FaceRecord:
        first = max(0, part * BORDER - AROUND)
        with closing(PartFollower(follower_from(first), part)) as follower:
            needed = takewhile(lambda frame: not follower.is_over(float(frame.seconds)), map(frame, range(first, FRAMES)))
            return FaceRecord.of(needed, follower, stop=True, advance=lambda done: None)

    with closing(RelayedFollower(lambda: follower_from(next(begins)))) as relayed:
        whole = FaceRecord.of(map(frame, range(FRAMES)), relayed, stop=True, advance=lambda done: None)
    joined = FaceRecord.joined({part: record(part) for part in range(2)})
    assert all(joined.at(number / RATE) for number in range(1, FRAMES)), "a face that was known is covered, however badly it is seen"
    assert [[face.to_json() for face in whole.at(number / RATE)] for number in range(FRAMES)] == [
        [face.to_json() for face in joined.at(number / RATE)] for number in range(FRAMES)
    ]
    assert whole.summary().faces == faces


def test_a_face_that_only_the_part_before_can_still_find_stays_covered() -> None:
    surveys = chain([survey_from(0, fading)], (survey_from(0, lambda n: ()) for _ in count()))
    recording = WholeRecording(lambda: next(surveys))
    for number in range(FRAMES):
        recording.see(frame(number))
    plan = recording.plan()
    assert [number for number in range(FRAMES) if not plan.at(number)] == []
    recording.close()


def test_numbers_do_not_go_on_over_a_part_that_the_clock_skips() -> None:
    """Whoever is seen behind it is someone else, whatever number the part in between had begun to give."""
    now = 0

    def script(_: int) -> list[Detection]:
        return [face_at(80, 120)] if now < BORDER else [face_at(240, 120), face_at(80, 120, score=0.85)]

    told: list[set[int]] = []
    with closing(RelayedFollower(lambda: Follower(ScriptedSearch(script)))) as relayed:
        for now in (*range(BORDER), *range(2 * BORDER, 2 * BORDER + 3)):
            told.append({face.track for face in relayed(frame(now).interleaved(), now / RATE).faces(now / RATE)})
    assert {1} == set().union(*told[:BORDER])
    assert not told[BORDER] & {1}
    assert len(told[BORDER]) == 2
