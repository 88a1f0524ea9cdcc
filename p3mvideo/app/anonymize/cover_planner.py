"""The first pass over an input: what to cover in it, as found, as a person corrected it, and as it is kept for the segments of a long video."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from p3mvideo.app.batch.streams import Streams
from p3mvideo.app.batch.unit import Unit
from p3mvideo.app.edits.corrections import Corrections
from p3mvideo.app.segments.divided_file import DividedFile, read_json, write_json
from p3mvideo.app.segments.parts import find_faces_in_parts
from p3mvideo.frame import Frame
from p3mvideo.io.fingerprint import Fingerprint, fingerprint
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener
from p3mvideo.pipeline.ahead import ahead
from p3mvideo.privacy.two_pass.apply_edits import resolved, with_edits, without_edits
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Span
from p3mvideo.privacy.two_pass.edits import Addition, Edits, edits_from_json, edits_to_json
from p3mvideo.privacy.two_pass.first_pass import Survey
from p3mvideo.privacy.two_pass.follow_by_hand import HandFollower
from p3mvideo.privacy.two_pass.plan_json import plan_from_json, plan_to_json
from p3mvideo.privacy.two_pass.recording_part import RecordingPart, join_parts
from p3mvideo.privacy.two_pass.whole_recording import PartSurvey, WholeRecording
from p3mvideo.stages import FrameSource

ANNOUNCED_PX = 8 * 1280 * 720
"""Pixels of the frames that wait between being announced to the first pass and being looked at: 8 of 720p, for large ones at least one."""


class PlannedCovers(NamedTuple):
    """What the first pass over an input came to."""

    identity: Fingerprint
    """Of the input."""
    plan: CoverPlan
    """What to cover, edits included."""
    edits: Edits
    """What a person changed in it."""


@dataclass(frozen=True)
class CoverPlanner:
    """Plans the covers of one input after the other."""

    make_survey: Callable[[], Survey]
    corrections: Corrections
    streams: Streams
    options: dict[str, Any]
    """Of the run; a corrected audit is compared with them."""
    listener: Listener

    @property
    def options_in_effect(self) -> dict[str, Any]:
        """Those of the run, with the detection that was really done where an audit is corrected."""
        earlier = self.corrections.earlier
        return self.options if earlier is None else {**self.options, "detection": earlier.options.get("detection")}

    def plan(self, unit: Unit, check: Callable[[], None]) -> PlannedCovers:
        """Look through an input in one piece.

        Args:
            unit: The input.
            check: Called for each frame; raises if the end was asked for.

        Raises:
            ConfigError: Corrections are about another input.
        """
        identity = self._identify(unit.item)
        return PlannedCovers(identity, *self._corrected(unit, None if self.corrections.earlier is not None else self._find(unit, check), check))

    def plan_in_segments(self, unit: Unit, file: DividedFile, check: Callable[[], None]) -> PlannedCovers | None:
        """Look through an input that is divided, together with other processes, unless that is done already.

        Args:
            unit: The input.
            file: The same, divided; the plan is kept in its folder.
            check: See `plan`.

        Returns:
            None for a helper that came before there was a plan: it is made by the process that has the unit.

        Raises:
            ConfigError: Corrections are about another input.
        """
        place = file.folder / "cover_plan.json"
        known = read_json(place)
        if known is not None:
            return PlannedCovers(Fingerprint(*known["identity"]), plan_from_json(known["plan"]), edits_from_json(known["edits"]))
        if unit.helps:
            if self.corrections.earlier is None:
                self._find_in_parts(unit, file, check)
            return None
        identity = self._identify(unit.item)
        plan, edits = self._corrected(unit, None if self.corrections.earlier is not None else self._find_in_parts(unit, file, check), check)
        write_json(place, {"identity": identity, "plan": plan_to_json(plan), "edits": edits_to_json(edits)})
        return PlannedCovers(identity, plan, edits)

    def _identify(self, item: Input) -> Fingerprint:
        """Return what identifies an input, after making sure that corrections are about it."""
        identity = fingerprint(item)
        self.corrections.check_input(item.path, identity, self.options)
        return identity

    def _corrected(self, unit: Unit, found: CoverPlan | None, check: Callable[[], None]) -> tuple[CoverPlan, Edits]:
        """Return what to cover, and the edits in it.

        Args:
            unit: The input.
            found: What was found in it; None: that is in the audit which was corrected.
            check: See `plan`.
        """
        plan, edits, followed = self.corrections.begin(found)
        edits = resolved(edits, plan)
        due = {index: added for index, added in enumerate(edits.add) if added.follow and index not in followed}
        if due:
            followed |= self._follow(unit, plan, due, check)
        return with_edits(without_edits(plan), edits, followed), edits

    def _follow(self, unit: Unit, plan: CoverPlan, due: dict[int, Addition], check: Callable[[], None]) -> dict[int, tuple[Span, ...]]:
        """Follow the faces that a person pointed out."""
        follower = HandFollower(plan, due)
        with self.streams.open_source(unit.item) as source:
            self.listener.begin(f"{unit.item.path}, following faces", len(plan.seconds), number=unit.number, of=unit.of)
            for number, frame in enumerate(source):
                check()
                follower.see(frame, number)
                self.listener.advance(number + 1)
            check()
        return follower.spans()

    def _find(self, unit: Unit, check: Callable[[], None]) -> CoverPlan:
        """Find the faces of an input in one piece."""
        with self.streams.open_source(unit.item) as source, closing(WholeRecording(self.make_survey)) as recording:
            self.listener.begin(f"{unit.item.path}, finding faces", source.info.frames, number=unit.number, of=unit.of)
            with closing(ahead(source)) as frames:
                _show(frames, recording, self.listener.advance, check)
            return recording.plan()

    def _find_in_parts(self, unit: Unit, file: DividedFile, check: Callable[[], None]) -> CoverPlan | None:
        """Find the faces of an input in parts; return None if some are missing, as happens to a helper."""

        def look_at(part: int, frames: Iterator[Frame], advance: Callable[[int], None]) -> dict[str, Any]:
            with closing(PartSurvey(self.make_survey(), part)) as survey:
                _show(frames, survey, advance, check)
                return survey.part().to_json()

        def open_source(read_from: Fraction | None) -> FrameSource:
            return self.streams.open_source(unit.item, read_from=read_from)

        found = find_faces_in_parts(file, unit, open_source, look_at, self.listener)
        return None if found is None else join_parts({part: RecordingPart.from_json(values) for part, values in found.items()}).plan()


def _show(
    frames: Iterable[Frame], first_pass: PartSurvey | WholeRecording, advance: Callable[[int], None], check: Callable[[], None]
) -> None:  # fmt: skip
    """Look for the faces of frames, and follow them, to the end of the frames or of what the first pass is about."""
    for number, frame in enumerate(_announced(frames, first_pass.expect), start=1):
        check()
        if first_pass.is_over(float(frame.seconds)):
            break
        first_pass.see(frame)
        advance(number)
    check()


def _announced(frames: Iterable[Frame], expect: Callable[[Frame], None]) -> Iterator[Frame]:
    """Yield frames, each some frames after it was announced."""
    waiting: deque[Frame] = deque()
    for frame in frames:
        expect(frame)
        waiting.append(frame)
        while len(waiting) > max(1, ANNOUNCED_PX // (frame.width * frame.height)):
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()
