"""What looked like a face and was not covered: one candidate for each place."""

from __future__ import annotations

from p3mvideo.privacy.left_open import KEPT, LEAST_SCORE, SAME_SECONDS, Dismissal, LeftOpen
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Sighting
from p3mvideo.privacy.two_pass.first_pass import Survey
from tests.privacy.fakes import RATE, ScriptedSearch, face_at, frame


def doubt(x: float, score: float) -> Dismissal:
    return Dismissal(face_at(x, 100, score=score), "below threshold")


def test_one_place_is_one_candidate_where_it_looks_most_like_a_face() -> None:
    left_open = LeftOpen()
    for number, score in enumerate((0.3, 0.45, 0.25)):
        left_open.see(number, number / 10, [doubt(100 + 4 * number, score), doubt(200, LEAST_SCORE - 0.01)])
    left_open.see(3, 0.3 + SAME_SECONDS, [doubt(100, 0.2)])
    first, later = left_open.candidates()
    assert (first.frame, first.score, first.finds, first.first_seconds, first.last_seconds) == (1, 0.45, 3, 0.0, 0.2)
    assert later.frame == 3


def test_the_best_are_kept_of_many() -> None:
    left_open = LeftOpen()
    for number in range(3 * KEPT):
        left_open.see(number, 2.0 * number, [doubt(100, 0.2 + 0.001 * number)])
    scores = [candidate.score for candidate in left_open.candidates()]
    assert len(scores) == KEPT
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0.2 + 0.001 * (2 * KEPT - 2)


def test_what_is_covered_is_not_left_open() -> None:
    left_open = LeftOpen()
    left_open.see(0, 0.0, [doubt(100, 0.4), doubt(200, 0.3)])
    region = Sighting.of(survey_of_one_face().at(0)[0], 0)
    plan = CoverPlan([0.0], [], [region], left_open.candidates())
    assert [candidate.score for candidate in plan.left_open] == [0.3]


def survey_of_one_face() -> CoverPlan:
    survey = Survey(ScriptedSearch(lambda n: [face_at(100, 100)]), ScriptedSearch(lambda n: ()))
    survey.see(frame(0))
    survey.close()
    return survey.plan()


def test_a_track_that_time_did_not_confirm_is_a_candidate() -> None:
    survey = Survey(ScriptedSearch(lambda n: [face_at(60, 60), *([face_at(220, 150, score=0.5)] if n % 3 else [])]), ScriptedSearch(lambda n: ()))
    for number in range(60):
        survey.see(frame(number))
    summary = survey.plan().summary()
    survey.close()
    assert (summary.frames, summary.faces, summary.nothing_covered) == (60, 1, False)
    (candidate,) = [one for one in summary.left_open if one.box[0] == 200]
    assert (candidate.reason, candidate.score) == ("too brief", 0.5)
    assert candidate.last_seconds <= 59 / RATE
