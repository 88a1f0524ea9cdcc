"""What the first pass found in one part of a recording, and how parts are joined.

Parts overlap: each is searched from some seconds before its own frames to some seconds after them, so that faces are known when they begin and
confirmed, or followed back, when they end. A face that two parts see in one place is one face. What either of them found there is covered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from p3mvideo.privacy.follow.matching import overlap
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.follow.tracker import ONE_FACE
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

    def plan(self) -> CoverPlan:
        """Return what to cover."""
        known: dict[int, list[Sighting]] = defaultdict(list)
        for sighting in self.sightings:
            known[sighting.track].append(sighting)
        spans = {track: spans_of(completed(sightings, self.seconds)) for track, sightings in known.items()}
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
        )  # fmt: skip


def join_parts(parts: Sequence[RecordingPart], borders: Sequence[float]) -> RecordingPart:
    """Return what was found in a whole recording.

    Args:
        parts: In order; at least one.
        borders: The time from which on frames belong to each of them, up to the next one's; earlier frames belong to the first.
    """
    own = [own_frames(part.seconds, borders, index) for index, part in enumerate(parts)]
    seconds = [part.seconds[frame] for part, frames in zip(parts, own, strict=True) for frame in frames]
    numbers = {at: number for number, at in enumerate(seconds)}
    tracks = linked([_by_frame(part, numbers) for part in parts])
    firsthand: list[Sighting] = []
    secondhand: list[Sighting] = []
    thumbnails: dict[int, tuple[float, str | None]] = {}
    for index, (part, frames) in enumerate(zip(parts, own, strict=True)):
        for sighting in part.sightings:
            number = numbers.get(part.seconds[sighting.frame])
            if number is not None:
                kept = firsthand if sighting.frame in frames else secondhand
                kept.append(replace(sighting, track=tracks[index, sighting.track], frame=number))
        for track, (score, thumbnail) in (part.thumbnails or {}).items():
            joined = tracks.get((index, track))
            if joined is not None and score > thumbnails.get(joined, (-1.0, None))[0]:
                thumbnails[joined] = score, thumbnail
    unexamined = {numbers[part.seconds[frame]] for part, frames in zip(parts, own, strict=True) for frame in part.unexamined if frame in frames}
    largest = max(parts, key=lambda part: len(part.seconds))
    # In its own frames a part knows best: of two sightings that are known alike, the first one is taken.
    return RecordingPart(
        largest.width, largest.height, tuple(seconds), (*firsthand, *secondhand), frozenset(unexamined), thumbnails,
        _joined_candidates(parts, own, seconds),
    )  # fmt: skip


def linked(parts: Sequence[Mapping[int, Sequence[TrackedFace]]]) -> dict[tuple[int, int], int]:
    """Return a number for each track of each part, by part and its number there; the same one for what two parts that follow each other
    see in one place, in the frames that both have seen.

    Args:
        parts: For each part, the faces of each frame.
    """
    numbers: dict[tuple[int, int], int] = {}
    fresh = count(1)
    for index, part in enumerate(parts):
        alike: Counter[tuple[int, int]] = Counter()
        for frame in part.keys() & (parts[index - 1] if index else {}).keys():
            for before in parts[index - 1][frame]:
                alike.update((before.track, face.track) for face in part[frame] if overlap(before.region.box, face.region.box) > ONE_FACE)
        taken: set[int] = set()
        for (before_track, track), _ in sorted(alike.items(), key=lambda entry: (-entry[1], entry[0])):
            if before_track not in taken and (index, track) not in numbers:
                taken.add(before_track)
                numbers[index, track] = numbers[index - 1, before_track]
        for track in sorted({face.track for faces in part.values() for face in faces}):
            if (index, track) not in numbers:
                numbers[index, track] = next(fresh)
    return numbers


def own_frames(seconds: Sequence[float], borders: Sequence[float], index: int) -> range:
    """Return the numbers of the frames that belong to a part."""
    first = bisect_left(seconds, borders[index]) if index else 0
    return range(first, bisect_left(seconds, borders[index + 1]) if index + 1 < len(borders) else len(seconds))


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
