"""Two passes: what the first knows of a whole recording, and the plan that comes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal

import pytest

from p3mvideo.errors import PrivacyError
from p3mvideo.privacy.detection import Box, Detection, intersection
from p3mvideo.privacy.region import Region
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Sighting
from p3mvideo.privacy.two_pass.first_pass import Survey
from tests.privacy.fakes import RATE, SIDE, ScriptedSearch, face_at, frame

Place = Callable[[int], tuple[float, float]]


def survey_of(
    script: Callable[[int], Sequence[Detection]], frames: int, on_failure: Literal["stop", "mosaic"] = "stop"
) -> CoverPlan:
    survey = Survey(ScriptedSearch(script), ScriptedSearch(lambda n: ()), on_failure=on_failure)
    for number in range(frames):
        survey.see(frame(number))
    plan = survey.plan()
    survey.close()
    survey.close()
    return plan


def is_covered(plan: CoverPlan, number: int, x: float, y: float) -> bool:
    """Return whether one region of a frame covers the whole face about (x, y)."""
    half = SIDE / 2
    box = (x - half, y - half, x + half, y + half)
    return any(intersection(sighting.region.box, box) > 0.999 * SIDE * SIDE for sighting in plan.at(number))


def test_a_face_is_covered_before_it_was_first_found_and_after_it_was_last_found() -> None:
    plan = survey_of(lambda n: [face_at(160, 120)] if 40 <= n < 60 else [], 120)
    covered = [number for number in range(120) if is_covered(plan, number, 160, 120)]
    assert covered == list(range(covered[0], covered[-1] + 1))
    assert covered[0] <= 20
    assert covered[-1] >= 100
    assert list(plan.tracks) == [0]


def test_a_gap_is_filled_along_the_way_the_face_went() -> None:
    def x(n: int) -> float:
        return 40 + 2.0 * n

    # The picture itself is still, so nothing but the straight line between both ends can tell.
    plan = survey_of(lambda n: [face_at(x(n), 120)] if n < 20 or n >= 60 else [], 90)
    for number in range(90):
        assert is_covered(plan, number, x(number), 120), f"frame {number}"
    tracks = plan.account()["tracks"]
    assert sum(track["covered_by_detection"] for track in tracks) == 50
    assert sum(track["covered_by_interpolation"] for track in tracks) >= 40


def test_no_bridge_leads_over_a_cut_or_too_far() -> None:
    def found(number: int, track: int, x: float) -> Sighting:
        region = Region((x, 100, x + 40, 140))
        return Sighting(number, track, region, "detection", region, 0.9)

    seconds = [number / 10 for number in range(100)]
    near, far, late = found(20, 1, 60), found(20, 1, 250), found(60, 1, 60)
    assert len(CoverPlan(seconds, [], [found(0, 0, 0), near]).at(10)) == 1
    assert CoverPlan(seconds, [], [found(0, 0, 0), near], scenes=[0, 15]).at(10) == ()
    assert CoverPlan(seconds, [], [found(0, 0, 0), far]).at(10) == ()
    assert CoverPlan(seconds, [], [found(0, 0, 0), late]).at(10) == ()


def test_a_doubtful_find_is_covered_where_its_neighbours_are_too() -> None:
    def found(number: int, x: float, score: float) -> Sighting:
        region = Region((x, 0, x + 40, 40))
        return Sighting(number, 0, region, "detection", region, score)

    seconds = [number / 30 for number in range(20)]
    for score, lefts in ((0.5, {0, 10, 30}), (0.9, {30})):
        # Frames 8 and 11 are near frame 10, frame 2 is not.
        plan = CoverPlan(seconds, [], [found(2, 70, 0.9), found(8, 0, 0.9), found(10, 30, score), found(11, 10, 0.9)])
        assert {sighting.region.box[0] for sighting in plan.at(10)} == lefts
        (track,) = plan.account()["tracks"]
        assert track["covered_by_detection"] == 4
    never_sure = CoverPlan(seconds, [], [found(8, 0, 0.7), found(10, 30, 0.5), found(11, 10, 0.7)])
    assert len(never_sure.at(10)) == 1


def test_the_account_counts_each_frame_once_by_its_best_evidence() -> None:
    plan = survey_of(lambda n: [face_at(160, 120, score=0.9 if n != 30 else 0.6)] if n not in range(10, 15) else [], 40)
    (track,) = plan.account()["tracks"]
    assert track["covered_by_detection"] == 35
    assert track["covered_by_interpolation"] == 5
    assert track["covered_by_tracking"] == 0
    assert track["frames"] == 40
    assert track["smallest_score"] == 0.6
    assert track["longest_unfound_frames"] == 5
    assert track["first_seconds"] == 0
    assert track["last_seconds"] == round(39 / RATE, 3)


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
    assert plan.account()["frames_covered_whole"] == [round(7 / RATE, 3)]
    assert all(is_covered(plan, number, 160, 120) for number in range(12) if number != 7)


def test_a_newcomer_is_followed_back_with_the_detector_too() -> None:
    def x(n: int) -> float:
        return 60 + 4.0 * n

    back = ScriptedSearch(lambda n: [face_at(x(29 - n), 120)])
    survey = Survey(ScriptedSearch(lambda n: [face_at(x(n), 120)] if n >= 30 else []), back)
    for number in range(40):
        survey.see(frame(number))
    plan = survey.plan()
    survey.close()
    assert back.closed == 1
    assert all(is_covered(plan, number, x(number), 120) for number in range(40))
    assert {sighting.evidence for number in range(30) for sighting in plan.at(number)} == {"detection"}


def test_a_plan_of_nothing() -> None:
    plan = CoverPlan([0.0, 0.1], [], [])
    assert plan.at(0) == ()
    assert plan.weakest(5) == []
    assert plan.account()["tracks"] == []


def test_regions_between_two_places_lie_on_the_line() -> None:
    def found(number: int, box: Box) -> Sighting:
        return Sighting(number, 3, Region(box), "detection", Region(box), 0.9)

    plan = CoverPlan([0.0, 0.1, 0.2, 0.3, 0.4], [], [found(0, (0, 0, 40, 40)), found(4, (80, 40, 160, 120))])
    (middle,) = plan.at(2)
    x0, y0, x1, y1 = middle.region.box
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((70, 50))
    assert x1 - x0 > 60
    assert middle.evidence == "interpolation"
    assert [sighting.frame for sighting in plan.tracks[3]] == [0, 1, 2, 3, 4]
