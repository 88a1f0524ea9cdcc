"""What to cover in each frame of a recording, once all of it is known, and the account of it."""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, takewhile
from typing import Any, Literal

from p3mvideo.privacy.follow.tracker import JITTER, SURE_SCORE, centre
from p3mvideo.privacy.region import Region

Evidence = Literal["detection", "tracking", "interpolation"]

BRIDGE_SECONDS, BRIDGE_SIDES, BRIDGE_RESIZE = 3.0, 3.0, 1.7
"""A face that turns up so soon after another was last found, so near to it in sides of the face, and so alike in size, may be it."""
NEARBY_SECONDS = 0.1
"""A doubtful find may lie beside its face, which is then where it was found so shortly before or after."""
GAP_GROWTH = 0.15
"""How much wider than a face a region is that is interpolated between two moments, on each side, in sides of the face."""


@dataclass(frozen=True)
class Sighting:
    """One face in one frame."""

    frame: int
    """The frame's number."""
    track: int
    """Which face."""
    region: Region
    """What to cover."""
    evidence: Evidence
    """How the face's place is known: found in this frame, followed to it, or between two frames in which it was found."""
    found: Region | None = None
    """Where the detector found it."""
    score: float | None = None
    """The detector's confidence, if it found it."""


class CoverPlan:
    """The sightings of a whole recording.

    Args:
        seconds: The time of each frame.
        unexamined: Numbers of frames whose faces could not be looked for.
        sightings: All that is known, in any order.
        scenes: Numbers of the frames that begin a scene.
    """

    def __init__(
        self, seconds: Sequence[float], unexamined: Iterable[int], sightings: Iterable[Sighting], *, scenes: Iterable[int] = ()
    ) -> None:
        self.seconds = tuple(seconds)
        self.unexamined = frozenset(unexamined)
        self.tracks: dict[int, list[Sighting]] = defaultdict(list)
        for sighting in sightings:
            self.tracks[sighting.track].append(sighting)
        found = {track: sorted(_found(known), key=_frame) for track, known in self.tracks.items()}
        bridges = self._bridges([known for known in found.values() if known], sorted(scenes))
        for track, known in self.tracks.items():
            filled = [sighting for pair in [*pairwise(found[track]), *bridges[track]] for sighting in _between(*pair)]
            self.tracks[track] = sorted([*known, *filled, *self._nearby(found[track])], key=_frame)
        self._by_frame: dict[int, list[Sighting]] = defaultdict(list)
        for known in self.tracks.values():
            for sighting in known:
                self._by_frame[sighting.frame].append(sighting)

    def _bridges(self, tracks: Sequence[Sequence[Sighting]], scenes: Sequence[int]) -> dict[int, list[tuple[Sighting, Sighting]]]:
        """Return, by the later track, the last and first moments of tracks that may be one face that was lost in between.

        Between those it is covered on the straight line, whether it is one face or not.
        """
        bridges: dict[int, list[tuple[Sighting, Sighting]]] = defaultdict(list)
        for before in tracks:
            for after in tracks:
                last, first = before[-1], after[0]
                if last.frame >= first.frame or bisect(scenes, last.frame) != bisect(scenes, first.frame):
                    continue
                sides = last.region.side_px, first.region.side_px
                soon = self.seconds[first.frame] - self.seconds[last.frame] <= BRIDGE_SECONDS
                near = math.dist(centre(last.region.box), centre(first.region.box)) <= BRIDGE_SIDES * max(sides)
                if soon and near and max(sides) <= BRIDGE_RESIZE * min(sides):
                    bridges[first.track].append((last, first))
        return bridges

    def _nearby(self, found: Sequence[Sighting]) -> list[Sighting]:
        """Return, for each doubtful find of one face, the places where that was found shortly before and after.

        What was never found surely may be no face: what jumps about is not all covered.
        """
        doubtful = [number for number, sighting in enumerate(found) if (sighting.score or 0) < SURE_SCORE]
        if len(doubtful) == len(found):
            return []
        nearby = []
        for number in doubtful:
            sighting = found[number]
            for way in (range(number + 1, len(found)), range(number - 1, -1, -1)):
                near = takewhile(partial(self._is_near, sighting), (found[other] for other in way))
                nearby += [Sighting(sighting.frame, sighting.track, other.region, "interpolation") for other in near]
        return nearby

    def _is_near(self, one: Sighting, other: Sighting) -> bool:
        return abs(self.seconds[other.frame] - self.seconds[one.frame]) <= NEARBY_SECONDS

    def at(self, frame: int) -> tuple[Sighting, ...]:
        """Return everything to cover in a frame. A face may be sighted in more than one way."""
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
            evidence: dict[int, Evidence] = {}
            for sighting in known:  # the surest that is known of a frame counts
                if _RANK[sighting.evidence] < _RANK.get(evidence.get(sighting.frame, "none"), len(_RANK)):
                    evidence[sighting.frame] = sighting.evidence
            counted = Counter(evidence.values())
            scores = [sighting.score for sighting in known if sighting.score is not None]
            tracks.append(
                {
                    "track": number,
                    "first_seconds": round(self.seconds[known[0].frame], 3),
                    "last_seconds": round(self.seconds[known[-1].frame], 3),
                    "frames": len(evidence),
                    "covered_by_detection": counted["detection"],
                    "covered_by_tracking": counted["tracking"],
                    "covered_by_interpolation": counted["interpolation"],
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


_RANK = {"detection": 0, "interpolation": 1, "tracking": 2}


def _frame(sighting: Sighting) -> int:
    return sighting.frame


def _found(known: Iterable[Sighting]) -> list[Sighting]:
    return [sighting for sighting in known if sighting.found is not None]


def _between(before: Sighting, after: Sighting) -> list[Sighting]:
    """Return a sighting of the later track for each frame between two in which a face was found, on the straight line."""
    assert before.found is not None
    assert after.found is not None
    filled = []
    for frame in range(before.frame + 1, after.frame):
        share = (frame - before.frame) / (after.frame - before.frame)
        x0, y0, x1, y1 = (start + share * (end - start) for start, end in zip(before.found.box, after.found.box, strict=True))
        nearer = before.found if share < 0.5 else after.found
        region = Region((x0, y0, x1, y1), nearer.lean)
        filled.append(Sighting(frame, after.track, region.grown((JITTER + GAP_GROWTH) * region.side_px), "interpolation"))
    return filled


def _smallest(found: Sequence[Sighting]) -> list[Sighting]:
    return [min(found, key=lambda sighting: sighting.score or 0)] if found else []


def _longest_unfound(known: Sequence[Sighting]) -> list[Sighting]:
    """Return the longest run of frames in which a face was not found, one sighting each."""
    found = {sighting.frame for sighting in known if sighting.score is not None}
    others = {sighting.frame: sighting for sighting in known if sighting.frame not in found}
    longest: list[Sighting] = []
    run: list[Sighting] = []
    for frame in sorted(others):
        run = [*run, others[frame]] if run and run[-1].frame == frame - 1 else [others[frame]]
        if len(run) > len(longest):
            longest = run
    return longest
