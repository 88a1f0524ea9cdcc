"""Two passes: what the first knows of a whole recording, and the plan that comes of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest

from p3mvideo.errors import PrivacyError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.privacy.detect.crop import View
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.face_models import ModelName
from p3mvideo.privacy.detect.second_opinion import SecondOpinion
from p3mvideo.privacy.detect.stream_search import Expected, StreamSearch
from p3mvideo.privacy.detection import Box, Detection, intersection
from p3mvideo.privacy.follow.matching import centre, match
from p3mvideo.privacy.follow.track import FOLLOW_SECONDS
from p3mvideo.privacy.follow.tracked_face import Source
from p3mvideo.privacy.region import Region
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, PlannedTrack, Sighting
from p3mvideo.privacy.two_pass.first_pass import BACK_SECONDS, Survey
from p3mvideo.privacy.two_pass.key_frames import HELD_SECONDS, completed, spans_of
from p3mvideo.privacy.two_pass.plan_json import plan_to_json
from tests.privacy.detect.test_second_opinion import ScriptedDetector
from tests.privacy.fakes import HEIGHT, RATE, SIDE, WIDTH, ScriptedSearch, face_at, frame

Place = Callable[[int], tuple[float, float]]


def survey_of(
    script: Callable[[int], Sequence[Detection]], frames: int, on_failure: Literal["stop", "mosaic"] = "stop", rate: int = RATE
) -> CoverPlan:
    survey = Survey(ScriptedSearch(script), ScriptedSearch(lambda n: ()), on_failure=on_failure)
    try:
        for number in range(frames):
            survey.see(frame(number, rate=rate))
        return survey.plan()
    finally:
        survey.close()
        survey.close()


@pytest.mark.parametrize("ahead", [1, 8, 40])
def test_the_images_that_are_announced_are_those_that_are_searched_thoroughly(ahead: int) -> None:
    def script(number: int) -> Sequence[Detection]:
        return [face_at(60 + number, 60)]

    announced: list[int] = []
    frames = [frame(number) for number in range(120)]
    numbers = {id(one.interleaved()): number for number, one in enumerate(frames)}
    search = ScriptedSearch(script)
    survey = Survey(search, ScriptedSearch(lambda n: ()), announce=lambda image: announced.append(numbers[id(image)]))
    survey.see(frames[0])
    for number in range(1, 120 + ahead):
        if number < 120:
            survey.expect(frames[number])
        if 1 <= number - ahead < 120:
            survey.see(frames[number - ahead])
    plan = survey.plan()
    survey.close()
    thorough = [number for number, was in enumerate(search.thorough) if was]
    assert announced == thorough[1:]
    assert plan_to_json(plan) == plan_to_json(survey_of(script, 120))


def is_covered(plan: CoverPlan, number: int, x: float, y: float) -> bool:
    """Return whether one region of a frame covers the whole face about (x, y)."""
    half = SIDE / 2
    box = (x - half, y - half, x + half, y + half)
    return any(intersection(sighting.cover.box, box) > 0.999 * SIDE * SIDE for sighting in plan.at(number))


def test_a_face_is_covered_before_it_was_first_found_and_after_it_was_last_found() -> None:
    plan = survey_of(lambda n: [face_at(160, 120)] if 70 <= n < 90 else [], 180)
    covered = [number for number in range(180) if is_covered(plan, number, 160, 120)]
    assert covered == list(range(covered[0], covered[-1] + 1))
    # The image is still, so that the face is followed both ways for some time, and held for some more.
    assert (70 - covered[0]) / RATE == pytest.approx(FOLLOW_SECONDS, abs=0.2)
    assert (covered[-1] - 90) / RATE == pytest.approx(FOLLOW_SECONDS + HELD_SECONDS, abs=0.2)
    assert [track.number for track in plan.tracks] == [1]


def test_a_short_gap_is_filled_along_the_way_the_face_went() -> None:
    def x(n: int) -> float:
        return 40 + 2.0 * n

    plan = survey_of(lambda n: [face_at(x(n), 120)] if n < 20 or n >= 30 else [], 50)
    for number in range(50):
        assert any(math.dist(centre(face.region.box), (x(number), 120)) < 4 for face in plan.at(number)), f"frame {number}"
    assert plan.tracks[0].frames_by_source()["found"] == 40
    assert len(plan.at(25)) == 1


def test_what_time_would_have_confirmed_and_did_not_is_dropped() -> None:
    def script(n: int) -> Sequence[Detection]:
        return [face_at(60, 60), *([face_at(220, 150, score=0.5)] if n % 3 else [])]

    plan = survey_of(script, 60)
    assert [track.number for track in plan.tracks] == [1]
    (candidate,) = plan.candidates
    assert math.dist(centre(candidate.box), (220, 150)) < 4, "what was dropped is listed"
    assert len(survey_of(script, 2).tracks) == 2, "a photograph is too short to confirm anything"


@pytest.mark.parametrize("rate", [25, 5, 2, 1])
def test_a_face_that_is_seen_in_a_few_frames_is_covered_however_seldom_they_come(rate: int) -> None:
    first, last = 3 * rate, 5 * rate  # two seconds
    plan = survey_of(lambda n: [face_at(160, 120, score=0.6)] if first <= n < last else [], 8 * rate, rate=rate)
    assert all(is_covered(plan, number, 160, 120) for number in range(first, last))


def test_what_is_hardly_believed_in_seldom_frames_is_listed() -> None:
    plan = survey_of(lambda n: [face_at(160, 120, score=0.5)] if n == 5 else [], 20, rate=1)
    assert not plan.tracks
    assert len(plan.candidates) == 1


def test_a_plan_has_the_best_evidence_for_each_face_and_frame() -> None:
    def seen(number: int, x: float, source: Source) -> Sighting:
        return Sighting(0, Region((x, 100, x + 40, 140)), source, 0.9 if source == "found" else None, frame=number)

    seconds = [number / 10 for number in range(10)]
    known = [seen(0, 0, "found"), seen(1, 90, "held"), seen(2, 4, "found"), seen(2, 30, "followed"), seen(9, 4, "found")]
    track = PlannedTrack(1, spans_of(completed(known, seconds, [0], (320, 240))))
    assert [sighting and sighting.source for sighting in map(track.at, range(10))] == ["found", "filled", "found", *[None] * 6, "found"]
    sighting = track.at(1)
    assert sighting is not None
    assert sighting.region.box == (2.0, 100.0, 42.0, 140.0)


def test_the_account_counts_each_frame_once_by_its_best_evidence() -> None:
    plan = survey_of(lambda n: [face_at(160, 120, score=0.9 if n != 30 else 0.6)] if n not in range(10, 15) else [], 40)
    (track,) = plan_to_json(plan)["tracks"]
    assert (track["frames_found"], track["frames_filled"], track["frames_followed"] + track["frames_held"]) == (35, 0, 5)
    assert track["frames"] == 40
    assert track["weakest"] == {"frame": 30, "seconds": 1.0, "score": 0.6}
    assert (track["longest_unfound"]["first_frame"], track["longest_unfound"]["last_frame"]) == (10, 14)
    assert track["first_seconds"] == 0
    assert track["last_seconds"] == 39 / RATE


def test_the_weakest_moments_come_first() -> None:
    plan = survey_of(lambda n: [face_at(160, 120, score=0.9 if n != 30 else 0.6)] if n not in range(10, 15) else [], 40)
    moments = plan.weakest(10)
    assert moments[0].frame in range(10, 15)
    assert moments[0].score is None
    assert 30 in {moment.frame for moment in moments}
    assert len({(moment.frame, moment.track) for moment in moments}) == len(moments)
    assert len(plan.weakest(2)) == 2


def test_a_frame_that_was_never_examined_is_known() -> None:
    def script(n: int) -> Sequence[Detection]:
        if n == 7:
            raise OSError("the model is gone")
        return [face_at(160, 120)]

    with pytest.raises(PrivacyError, match="the model is gone"):
        survey_of(script, 12)
    logging.disable(logging.WARNING)
    try:
        plan = survey_of(script, 12, "mosaic")
    finally:
        logging.disable(logging.NOTSET)
    assert plan.unexamined == {7}
    assert [(part["first_frame"], part["last_frame"]) for part in plan_to_json(plan)["unexamined"]] == [(7, 7)]
    assert all(is_covered(plan, number, 160, 120) for number in range(12) if number != 7)


def test_a_newcomer_is_followed_back_with_the_detector_too() -> None:
    def x(n: int) -> float:
        return 60 + 4.0 * n

    back = ScriptedSearch(lambda n: [face_at(x(33 - n), 120)])
    survey = Survey(ScriptedSearch(lambda n: [face_at(x(n), 120)] if n >= 30 else []), back)
    for number in range(40):
        survey.see(frame(number))
    plan = survey.plan()
    survey.close()
    assert back.closed == 1
    assert all(is_covered(plan, number, x(number), 120) for number in range(40))
    assert {sighting.source for number in range(30) for sighting in plan.at(number)} == {"found"}


def test_a_face_that_comes_into_sight_at_the_very_end_is_covered() -> None:
    """There is no time for as many looks as confirm a face that is not sure."""
    for frames in range(1, 10):
        begins = 3 * RATE - frames
        plan = _looked_at(from_frame(begins, score=0.6), 3 * RATE)
        assert all(is_covered(plan, number, 160, 120) for number in range(begins, 3 * RATE))
    assert not _looked_at(from_frame(3 * RATE - 4, score=0.5), 3 * RATE).tracks
    assert not _looked_at(lambda n: [face_at(160, 120, score=0.6)] if 20 <= n < 24 else [], 3 * RATE).tracks


class Looking(ScriptedSearch):
    """Tells how much a face is believed when it is new, and when that is asked for."""

    def __call__(self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Expected] = (), thorough: bool = False) -> tuple[Detection, ...]:
        found = super().__call__(image, timestamp_ms=timestamp_ms, expected=expected, thorough=thorough)
        asked = match([face.region for face in expected if face.look], found).values()
        known = match([face.region for face in expected], found).values()
        return tuple(face if number in asked or number not in known else replace(face, belief=None) for number, face in enumerate(found))


def _looked_at(script: Callable[[int], Sequence[Detection]], frames: int) -> CoverPlan:
    with closing(Survey(Looking(script), ScriptedSearch(lambda n: ()))) as survey:
        for number in range(frames):
            survey.see(frame(number))
        return survey.plan()


@pytest.mark.parametrize("missing", [2, 5, 8, 13, 16, 20])
def test_a_face_that_is_found_again_behind_a_cut_is_covered_from_the_cut_on(missing: int) -> None:
    """Its light has changed, or the room; it stays where it is, and the search takes a while to find it."""
    with closing(Survey(ScriptedSearch(lambda n: [face_at(160, 120)] if not 30 <= n < 30 + missing else []), _always(160))) as survey:
        for number in range(80):
            survey.see(_face_before(30 if number < 30 else 220, number / RATE))
        plan = survey.plan()
    assert [number for number in range(80) if not is_covered(plan, number, 160, 120)] == []


@pytest.mark.parametrize("pause", [0.0, 0.6, 3.0])
def test_a_pause_of_the_clock_keeps_no_face_from_being_followed_back(pause: float) -> None:
    with closing(Survey(ScriptedSearch(from_frame(20)), _always(160))) as survey:
        for number in range(40):
            survey.see(_face_before(30, number / RATE + (pause if number > 21 else 0)))
        plan = survey.plan()
    covered = [number for number in range(40) if is_covered(plan, number, 160, 120)]
    assert covered == list(range(20 if pause > BACK_SECONDS else 0, 40))


def test_frames_that_a_failed_search_backward_was_to_tell_of_become_mosaics(caplog: pytest.LogCaptureFixture) -> None:
    def fails_once(number: int) -> Sequence[Detection]:
        if number == 0:
            raise RuntimeError("out of memory")
        return [face_at(160, 120)]

    def survey(begins: int, mode: Literal["stop", "mosaic"]) -> CoverPlan:
        with closing(Survey(ScriptedSearch(from_frame(begins)), ScriptedSearch(fails_once), on_failure=mode)) as made:
            for number in range(60):
                made.see(frame(number))
            return made.plan()

    for begins in (30, 58):  # followed back while frames come, and at the end
        plan = survey(begins, "mosaic")
        assert all(is_covered(plan, number, 160, 120) or number in plan.unexamined for number in range(60))
        assert max(plan.unexamined) < begins + 6
        assert "become mosaics" in caplog.text
        with pytest.raises(PrivacyError, match="out of memory"):
            survey(begins, "stop")


class Always(FaceDetector):
    """Both models see one face in every look, with one score."""

    def __init__(self, score: float) -> None:
        self._score = score

    def look(self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None) -> list[Detection]:
        return [replace(face_at(160, 120, score=self._score), belief=None)]

    def close(self) -> None:
        """There is nothing to release."""


@pytest.mark.parametrize(("thresh", "score"), [(0.3, 0.4), (0.5, 0.6), (0.85, 0.95), (0.9, 0.98), (0.95, 1.0)])
@pytest.mark.parametrize("frames", [1, 60])
def test_what_is_well_above_the_threshold_is_a_face_however_high_that_is(thresh: float, score: float, frames: int) -> None:
    detector = Always(score)
    search, back = StreamSearch(detector, thresh=thresh, wary=True), StreamSearch(detector, thresh=thresh, newcomers=False)
    with closing(Survey(search, back)) as survey:
        for number in range(frames):
            survey.see(frame(number))
        plan = survey.plan()
    assert len(plan.tracks) == 1
    assert not plan.candidates


def test_a_face_that_is_known_is_not_given_up_while_it_is_found_with_little_belief() -> None:
    """As a head that turns away is, by both detectors."""
    weak = ScriptedDetector(face_at(160, 120, score=0.38))

    def searched() -> SecondOpinion:
        first = ScriptedSearch(lambda n: [replace(face_at(160, 120, score=0.9 if n < 5 else 0.36), belief=0.9 if n == 0 else None)])
        return SecondOpinion(first, [weak], thresh=0.5)

    with closing(Survey(searched(), searched())) as survey:
        for number in range(4 * RATE):
            survey.see(frame(number))
        plan = survey.plan()
    (track,) = plan.tracks
    assert (track.first.frame, track.last.frame) == (0, 4 * RATE - 1)


def from_frame(begins: int, *, score: float = 0.9) -> Callable[[int], Sequence[Detection]]:
    """Return the script of a face that is seen from a frame on."""
    return lambda number: [face_at(160, 120, score=score)] if number >= begins else []


def _always(x: float) -> ScriptedSearch:
    return ScriptedSearch(lambda n: [face_at(x, 120)])


def _face_before(level: int, seconds: float) -> Frame:
    """Return a frame with a face that looks the same before any wall."""
    pixels = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
    pixels[96:144, 136:184] = np.random.default_rng(0).integers(40, 200, (48, 48, 3))
    return Frame.from_interleaved(pixels, round(1000 * seconds), Fraction(1, 1000))


def test_a_plan_of_nothing() -> None:
    plan = CoverPlan(64, 48, (0.0, 0.1))
    assert plan.at(0) == ()
    assert plan.weakest(5) == []
    values = plan_to_json(plan)
    assert values["tracks"] == []
    assert [(part["first_frame"], part["last_frame"]) for part in values["nothing_found"]] == [(0, 1)]


@pytest.mark.parametrize(("scenes", "frames"), [([0], range(6)), ([0, 2], [0, 5]), ([0, 5], [0, 5]), ([0, 6], range(6))])
def test_what_two_scenes_show_in_one_place_is_not_joined(scenes: list[int], frames: Sequence[int]) -> None:
    known = [Sighting(3, Region((0, 0, 40, 40)), "found", 0.9, frame=number) for number in (0, 5)]
    assert [sighting.frame for sighting in completed(known, [number / 15 for number in range(10)], scenes, (320, 240))] == list(frames)


def test_a_flash_of_light_does_not_bare_a_face() -> None:
    known = [Sighting(3, Region((0, 0, 40, 40)), "found", 0.9, frame=number) for number in (0, 1, 4, 5)]
    assert [sighting.frame for sighting in completed(known, [number / 25 for number in range(6)], [0, 2, 4], (320, 240))] == list(range(6))


def test_regions_between_two_places_lie_on_the_line() -> None:
    def found(number: int, box: Box) -> Sighting:
        return Sighting(3, Region(box), "found", 0.9, frame=number)

    seconds = [0.0, 0.1, 0.2, 0.3, 0.4]
    known = completed([found(0, (0, 0, 40, 40)), found(4, (80, 40, 160, 120))], seconds, [0], (320, 240))
    assert [sighting.frame for sighting in known] == [0, 1, 2, 3, 4]
    middle = PlannedTrack(1, spans_of(known)).at(2)
    assert middle is not None
    assert middle.region.box == (40.0, 20.0, 100.0, 80.0)
    assert middle.cover.side_px > 60
    assert middle.source == "filled"


@pytest.mark.parametrize(("x0", "held_frames"), [(10, 5), (300, 20)])
def test_a_face_is_held_only_near_what_tells_where_it_is(x0: int, held_frames: int) -> None:
    def seen(number: int, source: Source) -> Sighting:
        return Sighting(3, Region((x0, 10, x0 + 40, 50)), source, 0.9 if source == "found" else None, frame=number)

    known = [seen(0, "found"), *(seen(number, "held") for number in (*range(1, 26), *range(55, 80))), seen(80, "found"), seen(81, "held")]
    kept = completed(known, [number / 20 for number in range(90)], [0], (320, 240))
    assert [sighting.frame for sighting in kept] == [*range(held_frames + 1), *range(80 - held_frames, 82)]
