"""Which frames and faces a review page shows. Their number is bounded, however long the recording is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest
from itertools import groupby
from typing import Any, NamedTuple

from p3mvideo.privacy.follow.tracked_face import Source
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, PlannedTrack, Sighting

FRAMES = 48
"""Frames that a page holds."""
THUMBNAILS, THUMBNAILS_PER_TRACK = 400, 4
"""Close-ups of tracks that a page holds, and of one of them at most."""
CANDIDATES = 100
"""Close-ups of what was left open."""
SPREAD = 12
"""Frames that are spread evenly before those with something to judge are taken."""
CELLS = 500
"""Parts of the recording that a timeline tells apart."""

_DOUBT: dict[Source, int] = {"by hand": 0, "found": 1, "filled": 2, "followed": 3, "held": 4}


class Moment(NamedTuple):
    """A face in a frame, and why it is shown."""

    sighting: Sighting
    caption: str


def shown_frames(plan: CoverPlan, edits: Mapping[str, Any]) -> list[int]:
    """Return the numbers of the frames that a page shows, in order: some spread evenly, those of boxes that were drawn before, and then those in
    which something may be missing.
    """
    count = len(plan.seconds)
    chosen: dict[int, None] = {}
    for number in (number for part in _by_priority(plan, edits) for number in part):
        if len(chosen) == FRAMES:
            break
        if 0 <= number < count:
            chosen[number] = None
    return sorted(chosen)


def _by_priority(plan: CoverPlan, edits: Mapping[str, Any]) -> Iterator[Sequence[int]]:
    yield _spread(len(plan.seconds), SPREAD)
    yield [nearest_frame(plan, entry["seconds"]) for addition in edits.get("add", ()) for entry in addition["boxes"]][: FRAMES // 2]
    for candidate in nlargest(6, plan.candidates, key=lambda candidate: candidate.score):
        yield candidate.frame, candidate.first, candidate.last
    for gap in nlargest(4, plan.nothing_found(), key=lambda gap: gap.last - gap.first):
        yield gap.first, (gap.first + gap.last) // 2, gap.last
    for track in plan.tracks:  # where a face may be bare: before it is first covered, and after it is last covered
        yield track.first.frame - 1, track.last.frame + 1
    yield _spread(len(plan.seconds), FRAMES)


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({round(part * (count - 1) / max(1, wanted - 1)) for part in range(wanted)})


def nearest_frame(plan: CoverPlan, seconds: float) -> int:
    """Return the number of the frame that is shown nearest to a time."""
    return min(range(len(plan.seconds)), key=lambda number: abs(plan.seconds[number] - seconds))


def track_moments(plan: CoverPlan) -> dict[int, list[Moment]]:
    """Return the moments that are shown of each track, by its number: the weakest find, the middle of the longest stretch without one, both ends.

    Of very many tracks those with the weakest finds are shown.
    """
    by_weakness = sorted(plan.tracks, key=_weakness)
    each = max(1, min(THUMBNAILS_PER_TRACK, THUMBNAILS // max(1, len(by_weakness))))
    return {track.number: _moments(track)[:each] for track in by_weakness[:THUMBNAILS]}


def _weakness(track: PlannedTrack) -> float:
    weakest = track.weakest()
    return 0.0 if weakest is None or weakest.score is None else weakest.score


def _moments(track: PlannedTrack) -> list[Moment]:
    weakest, unfound = track.weakest(), track.longest_unfound()
    wanted = [] if weakest is None else [(weakest.frame, f"weakest, {weakest.score:.2f}")]
    if unfound is not None:
        wanted.append(((unfound.first + unfound.last + 1) // 2, "not found"))
    wanted += [(track.first.frame, "first"), (track.last.frame, "last")]
    moments: dict[int, Moment] = {}
    for frame, caption in wanted:
        sighting = track.at(frame)
        if sighting is not None and frame not in moments:
            moments[frame] = Moment(sighting, caption)
    return list(moments.values())


def timeline(plan: CoverPlan, track: PlannedTrack) -> list[tuple[int, int, Source]]:
    """Return how a track is known over time, as first frame, frame after the last, and source; of the sources of one cell, the most doubtful."""
    cell = max(1, -(-len(plan.seconds) // CELLS))
    doubt: dict[int, Source] = {}
    for source, (first, last) in track.runs():
        for number in range(first // cell, last // cell + 1):
            doubt[number] = max(doubt.get(number, source), source, key=_DOUBT.__getitem__)
    runs = []
    for (source, _), group in groupby(enumerate(sorted(doubt)), key=lambda entry: (doubt[entry[1]], entry[1] - entry[0])):
        cells = [number for _, number in group]
        runs.append((cells[0] * cell, min((cells[-1] + 1) * cell, len(plan.seconds)), source))
    return runs
