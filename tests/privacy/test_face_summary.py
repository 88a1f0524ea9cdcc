"""The figures about the faces of one input."""

from __future__ import annotations

import pytest

from p3mvideo.privacy.face_summary import FaceSummary, LeftOpen


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
