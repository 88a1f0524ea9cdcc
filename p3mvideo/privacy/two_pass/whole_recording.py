"""The first pass over a recording, part by part: over one of its parts, or over all of them in one go."""

from __future__ import annotations

from collections.abc import Callable

from p3mvideo.frame import Frame
from p3mvideo.privacy.follow.handover import Handover
from p3mvideo.privacy.follow.recording_parts import looking_begins, part_at, part_end
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan
from p3mvideo.privacy.two_pass.first_pass import Survey
from p3mvideo.privacy.two_pass.recording_part import RecordingPart, join_parts

AFTER_SECONDS = 4.0
"""How long after a part its survey goes on: time to confirm a face, and to follow it back into the part."""


class PartSurvey:
    """The first pass over one part of a recording, and the frames around it that are looked at for it (see `Handover`).

    Args:
        survey: Has seen no frame; closed with this one.
        part: The part's number, see `recording_parts`.
    """

    def __init__(self, survey: Survey, part: int) -> None:
        self._survey, self._part = survey, part
        self._handover = Handover(part)

    def is_over(self, seconds: float) -> bool:
        """Return whether the next frame, at that time, does not have to be looked at."""
        return seconds >= part_end(self._part) + AFTER_SECONDS and self._handover.is_over(seconds)

    def expect(self, frame: Frame) -> None:
        """See `Survey.expect`."""
        self._survey.expect(frame)

    def see(self, frame: Frame) -> None:
        """Take the next frame, from `looking_begins` on. Errors are those of `Survey.see`."""
        self._survey.see(frame)
        self._handover.see(self._survey.faces, float(frame.seconds))

    def part(self) -> RecordingPart:
        """Return what was found in all frames that were seen."""
        return self._survey.part()

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        self._survey.close()


class WholeRecording:
    """Shows each frame to the surveys of the parts that look at it, and joins what they find.

    Args:
        make_survey: Makes one for a part.
    """

    def __init__(self, make_survey: Callable[[], Survey]) -> None:
        self._make_survey = make_survey
        self._surveys: dict[int, PartSurvey] = {}
        """Those in work, by part."""
        self._found: dict[int, RecordingPart] = {}
        self._parts: list[int] = []
        """Those with frames of their own."""

    def is_over(self, seconds: float) -> bool:
        """Return False: every frame is looked at."""
        return False

    def expect(self, frame: Frame) -> None:
        """See `Survey.expect`."""
        for survey in self._surveys.values():
            survey.expect(frame)

    def see(self, frame: Frame) -> None:
        """Take the next frame. Errors are those of `Survey.see`."""
        seconds = float(frame.seconds)
        part = part_at(seconds)
        if part not in self._parts[-1:]:
            self._parts.append(part)
        for number in [number for number, survey in self._surveys.items() if survey.is_over(seconds)]:
            self._finish(number)
        for number in (part, part + 1):
            if seconds >= looking_begins(number) and number not in self._surveys:
                self._surveys[number] = PartSurvey(self._make_survey(), number)
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
