"""What to cover in each frame of a recording, once all of it is known, and the account of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from p3mvideo.privacy.follow.matching import distance_in_sides
from p3mvideo.privacy.follow.track import JITTER
from p3mvideo.privacy.follow.tracked_face import Source, TrackedFace
from p3mvideo.privacy.region import Region

FILL_SECONDS = 0.5
"""A face that is found again so soon after it was last found is covered in between on the straight line."""
MISSED_SIDES = 0.5
"""How far from where a face is found again it may have been followed to one frame earlier, in its sides."""
FILL_MARGIN = 0.15
"""How far it may lie beside that line, in addition to what it may where it is found, in its sides."""


@dataclass(frozen=True, eq=False)
class Sighting(TrackedFace):
    """One face in one frame of a recording."""

    frame: int = 0
    """The frame's number."""

    @classmethod
    def of(cls, face: TrackedFace, frame: int) -> Sighting:
        """Return what is known of a face as a sighting in a frame."""
        return cls(face.track, face.region, face.source, face.score, face.key_points, face.margin_px, frame)


class CoverPlan:
    """The sightings of a whole recording, one for each face and frame: the best evidence that there is.

    Args:
        seconds: The time of each frame.
        unexamined: Numbers of frames whose faces could not be looked for.
        sightings: All that is known, in any order.
    """

    def __init__(self, seconds: Sequence[float], unexamined: Iterable[int], sightings: Iterable[Sighting]) -> None:
        self.seconds = tuple(seconds)
        self.unexamined = frozenset(unexamined)
        known: dict[int, list[Sighting]] = defaultdict(list)
        for sighting in sightings:
            known[sighting.track].append(sighting)
        self.tracks = {track: self._completed(of_track) for track, of_track in known.items()}
        self._by_frame: dict[int, list[Sighting]] = defaultdict(list)
        for of_track in self.tracks.values():
            for sighting in of_track:
                self._by_frame[sighting.frame].append(sighting)

    def _completed(self, known: Sequence[Sighting]) -> list[Sighting]:
        """Return the sightings of one face in order, with those that its short gaps are filled with."""
        best: dict[int, Sighting] = {}
        for sighting in sorted(known, key=_rank):
            best.setdefault(sighting.frame, sighting)
        found = [sighting for _, sighting in sorted(best.items()) if sighting.source == "found"]
        for before, after in pairwise(found):
            if self.seconds[after.frame] - self.seconds[before.frame] > FILL_SECONDS:
                continue
            last = best.get(after.frame - 1)
            # Where following did not lead to where the face was found again, it followed something else.
            missed = last is None or distance_in_sides(last.region.box, after.region.box) > MISSED_SIDES
            for filled in _between(before, after):
                if missed or filled.frame not in best or best[filled.frame].source == "held":
                    best[filled.frame] = filled
        return [sighting for _, sighting in sorted(best.items())]

    def to_json(self) -> dict[str, Any]:
        """Return the whole plan as plain values."""
        known = [sighting for of_track in self.tracks.values() for sighting in of_track]
        return {
            "seconds": self.seconds, "unexamined": sorted(self.unexamined),
            "sightings": [[sighting.frame, sighting.to_json()] for sighting in known],
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CoverPlan:
        """Return the plan that `to_json` wrote: what is complete stays as it is."""
        sightings = [Sighting.from_json(face, frame=frame) for frame, face in values["sightings"]]
        return cls(values["seconds"], values["unexamined"], sightings)

    def at(self, frame: int) -> tuple[Sighting, ...]:
        """Return the faces of a frame."""
        return tuple(self._by_frame.get(frame, ()))

    def weakest(self, count: int) -> list[Sighting]:
        """Return the moments at which a person should look whether a face shows, the weakest evidence first, no two alike.

        Of each track: where its score is smallest, the middle of its longest stretch without being found, and both ends.
        """
        moments: list[tuple[float, Sighting]] = []
        for known in self.tracks.values():
            found = [sighting for sighting in known if sighting.score is not None]
            moments += [(1.0 + (sighting.score or 0), sighting) for sighting in _smallest(found)]
            moments += [(0.9, known[0]), (0.9, known[-1])]
            stretch = _longest_unfound(known)
            if stretch:
                moments.append((1.0 / (1 + len(stretch)), stretch[len(stretch) // 2]))
        chosen: dict[tuple[int, int], Sighting] = {}
        for _, sighting in sorted(moments, key=lambda moment: moment[0]):
            chosen.setdefault((sighting.track, sighting.frame), sighting)
        return list(chosen.values())[:count]

    def account(self) -> dict[str, Any]:
        """Return the plan as plain values, for an audit."""
        tracks = []
        for number, known in sorted(self.tracks.items()):
            counted = Counter(sighting.source for sighting in known)
            scores = [sighting.score for sighting in known if sighting.score is not None]
            tracks.append(
                {
                    "track": number,
                    "first_seconds": round(self.seconds[known[0].frame], 3),
                    "last_seconds": round(self.seconds[known[-1].frame], 3),
                    "frames": len(known),
                    "covered_by_detection": counted["found"],
                    "covered_by_tracking": counted["followed"] + counted["held"],
                    "covered_by_interpolation": counted["filled"],
                    "longest_unfound_frames": len(_longest_unfound(known)),
                    "smallest_score": round(min(scores), 3) if scores else None,
                    "largest_side_px": round(max(sighting.region.side_px for sighting in known)),
                }
            )
        return {
            "frames": len(self.seconds),
            "frames_with_faces": len(self._by_frame),
            "frames_covered_whole": [round(self.seconds[frame], 3) for frame in sorted(self.unexamined)],
            "tracks": tracks,
        }


_RANKS: dict[Source, int] = {"found": 0, "followed": 1, "filled": 2, "held": 3}


def _rank(sighting: Sighting) -> int:
    return _RANKS[sighting.source]


def _between(before: Sighting, after: Sighting) -> list[Sighting]:
    """Return a sighting for each frame between two in which a face was found, on the straight line."""
    filled = []
    for frame in range(before.frame + 1, after.frame):
        share = (frame - before.frame) / (after.frame - before.frame)
        x0, y0, x1, y1 = (start + share * (end - start) for start, end in zip(before.region.box, after.region.box, strict=True))
        nearer = before.region if share < 0.5 else after.region
        region = Region((x0, y0, x1, y1), nearer.lean, nearer.reach)
        filled.append(Sighting(after.track, region, "filled", margin_px=(JITTER + FILL_MARGIN) * region.side_px, frame=frame))
    return filled


def _smallest(found: Sequence[Sighting]) -> list[Sighting]:
    return [min(found, key=lambda sighting: sighting.score or 0)] if found else []


def _longest_unfound(known: Sequence[Sighting]) -> list[Sighting]:
    """Return the longest run of frames in which a face was not found, one sighting each."""
    longest: list[Sighting] = []
    run: list[Sighting] = []
    for sighting in known:
        if sighting.source == "found":
            run = []
            continue
        run = [*run, sighting] if run and run[-1].frame == sighting.frame - 1 else [sighting]
        if len(run) > len(longest):
            longest = run
    return longest
