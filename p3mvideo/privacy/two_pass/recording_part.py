"""What the first pass found in one part of a recording, and how parts are joined.

Parts overlap: each is searched from some seconds before its own frames to some seconds after them (see `recording_parts`), so that faces are known
when they begin and confirmed, or followed back, when they end. A face that two parts see in one place is one face. What either of them found there
is covered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from p3mvideo.privacy.follow.matching import overlap
from p3mvideo.privacy.follow.recording_parts import part_at
from p3mvideo.privacy.follow.track_numbers import TrackNumbers
from p3mvideo.privacy.two_pass.candidates import SAME_OVERLAP, left_open
from p3mvideo.privacy.two_pass.cover_plan import Candidate, CoverPlan, PlannedTrack, Sighting, rounded_seconds
from p3mvideo.privacy.two_pass.key_frames import completed, spans_of


@dataclass(frozen=True)
class RecordingPart:
    """What was found in consecutive frames."""

    width: int
    """Of the frames, in pixels."""
    height: int
    seconds: tuple[float, ...]
    """The time of each frame."""
    sightings: tuple[Sighting, ...]
    """Those of all faces; what is no face beyond reasonable doubt is not among them."""
    unexamined: frozenset[int] = frozenset()
    """Numbers of frames whose faces could not be looked for."""
    thumbnails: Mapping[int, tuple[float, str | None]] | None = None
    """Of each track, the highest score and the thumbnail hash there."""
    candidates: tuple[Candidate, ...] = ()
    """What looked like a face, but not enough, whether or not a face covers it."""
    scenes: tuple[int, ...] = ()
    """The frames with which scenes begin, in order."""

    def plan(self) -> CoverPlan:
        """Return what to cover."""
        known: dict[int, list[Sighting]] = defaultdict(list)
        for sighting in self.sightings:
            known[sighting.track].append(sighting)
        size = self.width, self.height
        spans = {track: spans_of(completed(sightings, self.seconds, self.scenes, size)) for track, sightings in known.items()}
        in_order = sorted(spans, key=lambda track: (spans[track][0][0].frame, spans[track][0][0].box))
        thumbnails = self.thumbnails or {}
        tracks = [PlannedTrack(number, spans[track], dhash=thumbnails.get(track, (0.0, None))[1]) for number, track in enumerate(in_order, start=1)]
        return CoverPlan(
            self.width, self.height, tuple(map(rounded_seconds, self.seconds)), tuple(tracks), self.unexamined,
            candidates=left_open(self.candidates, tracks),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "width": self.width, "height": self.height, "seconds": list(self.seconds), "unexamined": sorted(self.unexamined),
            "scenes": list(self.scenes),
            "sightings": [[sighting.frame, *replace(sighting, key_points=None).to_json()] for sighting in self.sightings],
            "thumbnails": [[track, float(score), thumbnail] for track, (score, thumbnail) in (self.thumbnails or {}).items()],
            "candidates": [[one.frame, one.first, one.last, list(one.box), one.score] for one in self.candidates],
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RecordingPart:
        """Return the part that `to_json` wrote."""
        return cls(
            values["width"], values["height"], tuple(values["seconds"]),
            tuple(Sighting.from_json(face, frame=frame) for frame, *face in values["sightings"]), frozenset(values["unexamined"]),
            {track: (score, thumbnail) for track, score, thumbnail in values["thumbnails"]},
            tuple(Candidate(frame, first, last, tuple(box), score) for frame, first, last, box, score in values["candidates"]),
            tuple(values["scenes"]),
        )  # fmt: skip


def join_parts(parts: Mapping[int, RecordingPart]) -> RecordingPart:
    """Return what was found in a whole recording.

    Args:
        parts: By their numbers (see `recording_parts`), in order; at least one.
    """
    own = [own_frames(part.seconds, number) for number, part in parts.items()]
    found = list(parts.values())
    seconds = [part.seconds[frame] for part, frames in zip(found, own, strict=True) for frame in frames]
    numbers = {at: number for number, at in enumerate(seconds)}
    tracks = _linked([_by_frame(part, numbers) for part in found])
    firsthand: list[Sighting] = []
    secondhand: list[Sighting] = []
    thumbnails: dict[int, tuple[float, str | None]] = {}
    for index, (part, frames) in enumerate(zip(found, own, strict=True)):
        for sighting in part.sightings:
            number = numbers.get(part.seconds[sighting.frame])
            if number is not None:
                kept = firsthand if sighting.frame in frames else secondhand
                kept.append(replace(sighting, track=tracks[index, sighting.track], frame=number))
        for track, (score, thumbnail) in (part.thumbnails or {}).items():
            joined = tracks.get((index, track))
            if joined is not None and score > thumbnails.get(joined, (-1.0, None))[0]:
                thumbnails[joined] = score, thumbnail
    unexamined = {numbers[part.seconds[frame]] for part, frames in zip(found, own, strict=True) for frame in part.unexamined if frame in frames}
    scenes = tuple(numbers[part.seconds[frame]] for part, frames in zip(found, own, strict=True) for frame in part.scenes if frame in frames)
    largest = max(found, key=lambda part: len(part.seconds))
    # In its own frames a part knows best: of two sightings that are known alike, the first one is taken.
    return RecordingPart(
        largest.width, largest.height, tuple(seconds), (*firsthand, *secondhand), frozenset(unexamined), thumbnails,
        _joined_candidates(found, own, seconds), scenes,
    )  # fmt: skip


def own_frames(seconds: Sequence[float], part: int) -> range:
    """Return the indices of those of a part's frames that belong to it, given their times in order."""
    return range(bisect_left(seconds, part, key=part_at), bisect_left(seconds, part + 1, key=part_at))


def _linked(parts: Sequence[Mapping[int, Sequence[Sighting]]]) -> dict[tuple[int, int], int]:
    """Return a number for each track of each part, by the part's index and the track's number there, given the faces of each frame."""
    numbers, linked = TrackNumbers(), {}
    for index, (before, part) in enumerate(pairwise([{}, *parts])):
        for frame in before.keys() & part.keys():
            numbers.compare(before[frame], part[frame])
        numbers.go_on()
        for track in sorted({face.track for faces in part.values() for face in faces}):
            linked[index, track] = numbers.of(track)
    return linked


def _by_frame(part: RecordingPart, numbers: Mapping[float, int]) -> dict[int, list[Sighting]]:
    found: dict[int, list[Sighting]] = defaultdict(list)
    for sighting in part.sightings:
        number = numbers.get(part.seconds[sighting.frame])
        if number is not None:
            found[number].append(sighting)
    return found


def _joined_candidates(parts: Sequence[RecordingPart], own: Sequence[range], seconds: Sequence[float]) -> tuple[Candidate, ...]:
    """Return those that are in their part's own frames; what two parts saw in one place at one time is one."""
    joined: list[Candidate] = []
    before: list[Candidate] = []
    for part, frames in zip(parts, own, strict=True):
        now: list[Candidate] = []
        for one in part.candidates:
            if one.last < frames.start or one.first >= frames.stop:
                continue
            frame, first, last = (min(bisect_left(seconds, part.seconds[number]), len(seconds) - 1) for number in (one.frame, one.first, one.last))
            found = replace(one, frame=frame, first=first, last=last)
            same = next((other for other in before if _is_same(other, found)), None)
            if same is not None:
                before.remove(same)
                joined.remove(same)
                best = max(same, found, key=lambda candidate: candidate.score)
                found = replace(best, first=min(same.first, first), last=max(same.last, last))
            now.append(found)
        joined += now
        before = now
    return tuple(joined)


def _is_same(one: Candidate, other: Candidate) -> bool:
    return one.first <= other.last and other.first <= one.last and overlap(one.box, other.box) > SAME_OVERLAP
