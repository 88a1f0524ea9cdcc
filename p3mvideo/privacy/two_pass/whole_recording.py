"""The first pass over a whole recording in one go."""

from __future__ import annotations

from collections.abc import Callable

from p3mvideo.frame import Frame
from p3mvideo.privacy.follow.recording_parts import part_at, parts_around
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan
from p3mvideo.privacy.two_pass.first_pass import Survey
from p3mvideo.privacy.two_pass.recording_part import RecordingPart, join_parts


class WholeRecording:
    """Shows each frame to the surveys of the parts that look at it (see `recording_parts`), and joins what they find.

    Args:
        make_survey: Makes one for a part.
    """

    def __init__(self, make_survey: Callable[[], Survey]) -> None:
        self._make_survey = make_survey
        self._surveys: dict[int, Survey] = {}
        """Those in work, by part."""
        self._found: dict[int, RecordingPart] = {}
        self._parts: list[int] = []
        """Those with frames of their own."""

    def see(self, frame: Frame) -> None:
        """Take the next frame. Errors are those of `Survey.see`."""
        seconds = float(frame.seconds)
        part = part_at(seconds)
        if part not in self._parts[-1:]:
            self._parts.append(part)
        around = parts_around(seconds)
        for number in [number for number in self._surveys if number not in around]:
            self._finish(number)
        for number in around:
            if number >= self._parts[0] and number not in self._surveys:
                self._surveys[number] = self._make_survey()
        for survey in self._surveys.values():
            survey.see(frame)

    def plan(self) -> CoverPlan:
        """Return what to cover in all frames that were seen."""
        for number in list(self._surveys):
            self._finish(number)
        parts = {part: self._found[part] for part in self._parts}
        return join_parts(parts).plan() if parts else CoverPlan(0, 0, ())

    def _finish(self, number: int) -> None:
        survey = self._surveys[number]
        self._found[number] = survey.part()
        survey.close()
        del self._surveys[number]

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        for survey in self._surveys.values():
            survey.close()
