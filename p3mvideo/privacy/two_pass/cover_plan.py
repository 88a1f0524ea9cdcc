"""What to cover in each frame of a recording: the first pass makes a plan, edits change it, the audit keeps it and the second pass draws it.

A plan holds key frames, between which covers are interpolated. They are rounded as they are written to the audit, so that a plan that was
read back draws the same covers.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Literal, NamedTuple

from p3mvideo.privacy.detection import Box
from p3mvideo.privacy.follow.tracked_face import Source, TrackedFace
from p3mvideo.privacy.region import Region

PIXEL_DIGITS, DEGREE_DIGITS, SCORE_DIGITS, SECOND_DIGITS = 1, 1, 3, 6
"""Decimal places that a plan keeps."""

Reason = Literal["drop", "keep", "only"]
"""Why a track is not covered: it is no face, it is a face to show, or other faces alone were to be covered."""


class FrameRange(NamedTuple):
    """Consecutive frames."""

    first: int
    last: int
    """Inclusive."""


class Uncovered(NamedTuple):
    """Frames in which a person decided that a track is not covered."""

    first: int
    last: int
    """Inclusive."""
    reason: Reason


@dataclass(frozen=True, eq=False, slots=True)
class Sighting(TrackedFace):
    """One face in one frame of a recording."""

    frame: int = 0
    """The frame's number."""

    @classmethod
    def of(cls, face: TrackedFace, frame: int) -> Sighting:
        """Return where a face is as a sighting in a frame, without its key points: of a long recording there are many."""
        return cls(face.track, face.region, face.source, face.score, None, face.margin_px, frame)


@dataclass(frozen=True)
class KeyFrame:
    """A face in one frame, from which it is interpolated to the next key frame; rounded when it is made."""

    frame: int
    """The frame's number, from 0."""
    box: Box
    """The face: (x0, y0, x1, y1) in pixels."""
    margin: float
    """By how many pixels the cover's box lies outside `box` on each side."""
    lean_degrees: float
    """Angle by which the head leans clockwise, in (-180, 180]."""
    source: Source
    """How this is known, also in the frames up to the next key frame."""
    score: float | None = None
    """The detector's confidence in [0, 1] in this very frame; None unless the face was found in it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "box", tuple(round(float(value), PIXEL_DIGITS) for value in self.box))
        object.__setattr__(self, "margin", round(float(self.margin), PIXEL_DIGITS))
        object.__setattr__(self, "lean_degrees", round(float(self.lean_degrees), DEGREE_DIGITS))
        if self.score is not None:
            object.__setattr__(self, "score", round(float(self.score), SCORE_DIGITS))


Span = tuple[KeyFrame, ...]
"""Key frames of consecutive frames; the first and the last frame are key frames, and so is every frame in which the source changes."""


@dataclass(frozen=True)
class PlannedTrack:
    """One face through a recording."""

    number: int
    """Identifies it, from 1 in the order in which faces appear; the same in every run over the same input with the same options."""
    spans: tuple[Span, ...]
    """Where it is, in order; between spans it is not in sight."""
    uncovered: tuple[Uncovered, ...] = ()
    """Where it is not covered because a person decided so."""
    dhash: str | None = None
    """Difference hash (Krawetz, 2013) of its surest find: 16 hexadecimal digits, see `p3mvideo.privacy.two_pass.dhash`. None by hand."""

    @property
    def by_hand(self) -> bool:
        """Whether a person added it."""
        return self.spans[0][0].source == "by hand"

    @property
    def first(self) -> KeyFrame:
        """Its first key frame."""
        return self.spans[0][0]

    @property
    def last(self) -> KeyFrame:
        """Its last key frame."""
        return self.spans[-1][-1]

    @cached_property
    def _starts(self) -> list[int]:
        return [span[0].frame for span in self.spans]

    def at(self, frame: int) -> Sighting | None:
        """Return the face in a frame, covered or not; None if it is not in sight."""
        number = bisect_right(self._starts, frame) - 1
        if number < 0 or frame > self.spans[number][-1].frame:
            return None
        span = self.spans[number]
        index = bisect_right(span, frame, key=lambda key: key.frame) - 1
        before = span[index]
        if before.frame == frame:
            return self._sighting(frame, before.box, before.margin, before.lean_degrees, before)
        after = span[index + 1]
        share = (frame - before.frame) / (after.frame - before.frame)
        x0, y0, x1, y1 = (start + share * (end - start) for start, end in zip(before.box, after.box, strict=True))
        turn = math.remainder(after.lean_degrees - before.lean_degrees, 360)
        margin = before.margin + share * (after.margin - before.margin)
        return self._sighting(frame, (x0, y0, x1, y1), margin, before.lean_degrees + share * turn, before)

    def is_covered(self, frame: int) -> bool:
        """Return whether no edit leaves it open in a frame."""
        return not any(first <= frame <= last for first, last, _ in self.uncovered)

    def runs(self) -> Iterator[tuple[Source, FrameRange]]:
        """Yield how it is known in all its frames: consecutive frames with the same source."""
        for span in self.spans:
            runs = [list(run) for _, run in groupby(span, key=lambda key: key.source)]
            for run in runs:
                yield run[0].source, FrameRange(run[0].frame, run[-1].frame)

    def frames_by_source(self) -> Counter[Source]:
        """Return in how many frames it is known by what."""
        counted: Counter[Source] = Counter()
        for source, (first, last) in self.runs():
            counted[source] += last - first + 1
        return counted

    def weakest(self) -> KeyFrame | None:
        """Return where it was found with the lowest score; None if it was never found."""
        scored = [key for span in self.spans for key in span if key.score is not None]
        return min(scored, key=lambda key: key.score or 0, default=None)

    def longest_unfound(self) -> FrameRange | None:
        """Return its longest stretch of frames without a find, None if it was found in all of them."""
        longest: FrameRange | None = None
        for span in self.spans:
            key_frames = [(key.frame, key.source) for key in span]
            run: int | None = None
            for frame, source in [*key_frames, (span[-1].frame + 1, "found")]:
                if source in ("found", "by hand"):
                    if run is not None and (longest is None or frame - run > longest.last - longest.first + 1):
                        longest = FrameRange(run, frame - 1)
                    run = None
                elif run is None:
                    run = frame
        return longest

    def _sighting(self, frame: int, box: Box, margin: float, lean_degrees: float, before: KeyFrame) -> Sighting:
        score = before.score if before.frame == frame else None
        return Sighting(self.number, Region(box, math.radians(lean_degrees)), before.source, score, None, margin, frame)


@dataclass(frozen=True)
class Candidate:
    """Something below the threshold that may be a face and was left open."""

    frame: int
    """Where it looked most like a face."""
    first: int
    """The first frame in which it was seen."""
    last: int
    """The last one."""
    box: Box
    """In that frame: (x0, y0, x1, y1) in pixels."""
    score: float
    """Its score there, in [0, 1]."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "box", tuple(round(float(value), PIXEL_DIGITS) for value in self.box))
        object.__setattr__(self, "score", round(float(self.score), SCORE_DIGITS))


@dataclass(frozen=True)
class CoverPlan:
    """What to cover in each frame of a recording."""

    width: int
    """Of its frames, in pixels."""
    height: int
    seconds: tuple[float, ...]
    """The time of each frame, to the microsecond."""
    tracks: tuple[PlannedTrack, ...] = ()
    """All faces, in the order of their numbers."""
    unexamined: frozenset[int] = frozenset()
    """Numbers of frames whose faces could not be looked for. They are covered whole."""
    shown: frozenset[int] = frozenset()
    """Those of them that a person decided to show, with the covers of the tracks."""
    candidates: tuple[Candidate, ...] = ()
    """What may be a face and is in no track."""

    def has_frame(self, frame: int, seconds: float) -> bool:
        """Return whether the frame of a number is shown at this time, so that it is the one that was examined."""
        return frame < len(self.seconds) and self.seconds[frame] == rounded_seconds(seconds)

    def is_hidden(self, frame: int) -> bool:
        """Return whether a frame must not be shown at all."""
        return frame in self.unexamined and frame not in self.shown

    def at(self, frame: int) -> tuple[Sighting, ...]:
        """Return what to cover in a frame."""
        return tuple(sighting for track in self.tracks if (sighting := track.at(frame)) is not None and track.is_covered(frame))

    def nothing_found(self) -> list[FrameRange]:
        """Return the frames that were examined and in which there is no face, covered or not."""
        with_faces = {frame for track in self.tracks for _, (first, last) in track.runs() for frame in range(first, last + 1)}
        return ranges(frame for frame in range(len(self.seconds)) if frame not in with_faces and frame not in self.unexamined)

    def weakest(self, count: int) -> list[Sighting]:
        """Return the moments at which a person should look whether a face shows, the weakest evidence first, no two alike.

        Of each track that is covered there: where its score is smallest, the middle of its longest stretch without a find, and both ends.
        """
        moments: list[tuple[float, PlannedTrack, int]] = []
        for track in self.tracks:
            weakest, stretch = track.weakest(), track.longest_unfound()
            if weakest is not None:
                moments.append((1.0 + (weakest.score or 0), track, weakest.frame))
            moments += [(0.9, track, track.first.frame), (0.9, track, track.last.frame)]
            if stretch is not None:
                moments.append((1.0 / (2 + stretch.last - stretch.first), track, (stretch.first + stretch.last + 1) // 2))
        chosen: dict[tuple[int, int], Sighting] = {}
        for _, track, frame in sorted(moments, key=lambda moment: moment[0]):
            sighting = track.at(frame)
            if sighting is not None and track.is_covered(frame):
                chosen.setdefault((track.number, frame), sighting)
        return list(chosen.values())[:count]


def rounded_seconds(seconds: float) -> float:
    """Return a time as plans keep it."""
    return round(float(seconds), SECOND_DIGITS)


def ranges(frames: Iterable[int]) -> list[FrameRange]:
    """Return frames, in order, as ranges of consecutive ones."""
    found: list[FrameRange] = []
    for frame in frames:
        if found and found[-1].last == frame - 1:
            found[-1] = FrameRange(found[-1].first, frame)
        else:
            found.append(FrameRange(frame, frame))
    return found
