"""The figures about the faces of one input."""

from __future__ import annotations

import pytest

from p3mvideo.privacy.detection import Box
from p3mvideo.privacy.face_summary import FaceSummary, LeftOpen, summary_of
from p3mvideo.privacy.two_pass.cover_plan import Candidate, CoverPlan, KeyFrame, PlannedTrack


@pytest.mark.parametrize(
    "summary",
    [
        FaceSummary(412, 7, 0.3, 12.5, frames_covered_whole=2, left_open_by_hand=1, left_open=(LeftOpen(0.4, 1.5, (1.0, 2.0, 3.0, 4.0)),)),
        FaceSummary(9, 0, left_open_by_hand=2),
        FaceSummary(9, 0),
    ],
)
def test_plain_values_stand_for_the_same_summary(summary: FaceSummary) -> None:
    again = FaceSummary.from_json(summary.to_json())
    assert again == summary
    assert again.none_found == (summary == FaceSummary(9, 0))


def test_what_was_left_open_and_is_covered_by_hand_is_open_no_longer() -> None:
    added: Box = (100.0, 40.0, 116.0, 56.0)
    track = PlannedTrack(1, ((KeyFrame(0, added, 0.0, 0.0, "by hand"), KeyFrame(1, added, 0.0, 0.0, "by hand")),))
    candidates = (Candidate(1, 0, 1, (101.0, 41.0, 117.0, 57.0), 0.4), Candidate(0, 0, 0, (10.0, 10.0, 26.0, 26.0), 0.3))
    summary = summary_of(CoverPlan(320, 240, (0.0, 0.04), (track,), candidates=candidates))
    assert [place.score for place in summary.left_open] == [0.3]
