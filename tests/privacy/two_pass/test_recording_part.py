"""A recording whose faces were looked for in parts is covered as one that was seen in one go."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

from p3mvideo.privacy.detection import Detection, intersection
from p3mvideo.privacy.follow.matching import centre
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.region import Region
from p3mvideo.privacy.two_pass.face_record import FaceRecord, FacesOfFrame
from p3mvideo.privacy.two_pass.first_pass import Survey
from p3mvideo.privacy.two_pass.recording_part import RecordingPart, join_parts
from tests.privacy.fakes import RATE, ScriptedSearch, face_at, frame

FRAMES, BORDER, AROUND = 180, 90, 60
Script = Callable[[int], Sequence[Detection]]


def look(script: Script, doubts: Script, first: int, last: int) -> RecordingPart:
    """Return what is found in some frames, as it is kept in a file."""
    survey = Survey(ScriptedSearch(lambda n: script(n + first), lambda n: doubts(n + first)), ScriptedSearch(lambda n: ()))
    for number in range(first, last):
        survey.see(frame(number))
    part = survey.part()
    survey.close()
    return RecordingPart.from_json(json.loads(json.dumps(part.to_json())))


def test_parts_cover_what_one_go_covers() -> None:
    def script(n: int) -> Sequence[Detection]:
        moving = [face_at(60 + n, 80)] if n % 7 else []  # through the whole recording, missed now and then
        late = [face_at(250, 190)] if n >= BORDER + 3 else []  # seen just after the border, and there before: it is followed back over it
        return [*moving, *late]

    def doubts(n: int) -> Sequence[Detection]:
        return [face_at(60, 200, score=0.3)] if BORDER - 10 <= n < BORDER + 10 else []

    whole = look(script, doubts, 0, FRAMES).plan()
    parts = [look(script, doubts, 0, BORDER + AROUND), look(script, doubts, BORDER - AROUND, FRAMES)]
    joined = join_parts(parts, [0.0, BORDER / RATE]).plan()
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


def test_a_single_part_is_the_whole() -> None:
    part = look(lambda n: [face_at(60 + n, 80)], lambda n: (), 0, 60)
    assert join_parts([part], [0.0]).plan() == part.plan()


def test_faces_of_parts_have_one_number_each() -> None:
    def faces(numbers: dict[int, float]) -> FacesOfFrame:
        """Return faces by their number in a part, at some x."""
        return FacesOfFrame(tuple(TrackedFace(number, Region((x, 0.0, x + 20, 20.0)), "found", 0.9) for number, x in numbers.items()))

    first = FaceRecord({0.0: faces({1: 0, 2: 100}), 1.0: faces({1: 1, 2: 100})})
    second = FaceRecord({1.0: faces({1: 100, 2: 2}), 2.0: FacesOfFrame(None), 3.0: faces({1: 100, 2: 3, 3: 200})})
    joined = FaceRecord.from_json(json.loads(json.dumps(FaceRecord.joined([first, second], [0.0, 2.0]).to_json())))
    assert [(face.track, centre(face.region.box)[0]) for face in joined.at(3.0)] == [(2, 110), (1, 13), (3, 210)]
    assert [face.track for face in joined.at(1.0)] == [1, 2]
    summary = joined.summary()
    assert (summary.frames, summary.faces, summary.frames_covered_whole) == (4, 3, 1)
    assert math.isclose(summary.weakest_score or 0, 0.9)
