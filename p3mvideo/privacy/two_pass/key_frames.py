"""From all sightings of a face to the few key frames that a plan keeps of it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from p3mvideo.privacy.detection import Box
from p3mvideo.privacy.follow.matching import distance_in_sides
from p3mvideo.privacy.follow.track import HOLD_AFTER_CUT_SECONDS, HOLD_AT_BORDER_SECONDS, JITTER
from p3mvideo.privacy.follow.tracked_face import Source
from p3mvideo.privacy.region import Region
from p3mvideo.privacy.two_pass.cover_plan import KeyFrame, Sighting, Span

FILL_SECONDS = 0.5
"""A face that is found again so soon after it was last found is covered in between on the straight line; where another scene seems to begin
in between, only within `HOLD_AFTER_CUT_SECONDS`: a flash of light looks like one, too."""
HELD_SECONDS = 0.25
"""How far from the nearest moment with any evidence of it a face is held where it was. A stream holds it longer, for it does not know whether the
face comes back; here, one that does is also followed back from there. One that the border cuts off is held as long as in a stream: what is left
of it is often too little to be found."""
MISSED_SIDES = 0.5
"""How far from where a face is found again it may have been followed to one frame earlier, in its sides."""
FILL_MARGIN = 0.15
"""How far it may lie beside that line, in addition to what it may where it is found, in its sides."""
LEAST_ERROR_PX, ERROR, LEAN_ERROR_DEGREES = 0.25, 0.015, 2.0
"""How far what is interpolated may lie beside what was seen: each border in pixels or, if that is more, in sides of the face, and its lean."""
LONGEST_FRAMES = 256
"""Largest distance of two key frames."""

_RANKS: dict[Source, int] = {"found": 0, "followed": 1, "filled": 2, "held": 3}


def completed(known: Iterable[Sighting], seconds: Sequence[float], scenes: Sequence[int], size: tuple[int, int]) -> list[Sighting]:
    """Return the best sighting of one face in each frame, in order, with those that its short gaps are filled with.

    What neither direction supports is dropped: where a face is only held, far from all that tells where it is.

    Args:
        known: All sightings of the face, in any order.
        seconds: The time of each frame of the recording.
        scenes: The frames with which scenes begin, in order.
        size: (width, height) of the frames, in pixels.
    """
    best: dict[int, Sighting] = {}
    for sighting in sorted(known, key=lambda sighting: _RANKS[sighting.source]):
        best.setdefault(sighting.frame, sighting)
    found = [sighting for _, sighting in sorted(best.items()) if sighting.source == "found"]
    for before, after in pairwise(found):
        is_cut = bisect_right(scenes, before.frame) < bisect_right(scenes, after.frame)
        if seconds[after.frame] - seconds[before.frame] > (HOLD_AFTER_CUT_SECONDS if is_cut else FILL_SECONDS):
            continue
        last = best.get(after.frame - 1)
        # Where following did not lead to where the face was found again, it followed something else.
        missed = last is None or distance_in_sides(last.region.box, after.region.box) > MISSED_SIDES
        for filled in _between(before, after):
            if missed or filled.frame not in best or best[filled.frame].source == "held":
                best[filled.frame] = filled
    supported = sorted(seconds[sighting.frame] for sighting in best.values() if sighting.source != "held")

    def is_near(sighting: Sighting) -> bool:
        now = seconds[sighting.frame]
        around = supported[max(0, (after := bisect_right(supported, now)) - 1) : after + 1]
        hold = HELD_SECONDS if _is_inside(sighting.region.box, size) else HOLD_AT_BORDER_SECONDS
        return any(abs(now - moment) <= hold + 1e-6 for moment in around)

    return [sighting for _, sighting in sorted(best.items()) if sighting.source != "held" or is_near(sighting)]


def spans_of(sightings: Sequence[Sighting]) -> tuple[Span, ...]:
    """Return as few key frames as reproduce sightings, which are those of one face and in order, see `LEAST_ERROR_PX`.

    The first find with the lowest score is among them.
    """
    found = [sighting for sighting in sightings if sighting.score is not None]
    weakest = min(found, key=lambda sighting: sighting.score or 0, default=None)
    consecutive = groupby(enumerate(sightings), key=lambda entry: entry[1].frame - entry[0])
    return tuple(_span([sighting for _, sighting in run], weakest) for _, run in consecutive)


def _is_inside(box: Box, size: tuple[int, int]) -> bool:
    x0, y0, x1, y1 = box
    return x0 >= 0 and y0 >= 0 and x1 <= size[0] and y1 <= size[1]


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


def _span(run: Sequence[Sighting], weakest: Sighting | None) -> Span:
    """Return the key frames of sightings in consecutive frames."""
    kept = {0, len(run) - 1}
    for i, (before, after) in enumerate(pairwise(run), start=1):
        if before.source != after.source:
            kept |= {i - 1, i}
    if weakest is not None:
        kept |= {i for i, sighting in enumerate(run) if sighting is weakest}
    kept |= set(range(0, len(run), LONGEST_FRAMES))
    values = _values(run)
    kept |= {i for first, last in pairwise(sorted(kept)) for i in _needed(values, first, last)}
    return tuple(_key_frame(run[i]) for i in sorted(kept))


def _values(run: Sequence[Sighting]) -> npt.NDArray[np.float64]:
    """Return what is interpolated of each sighting, in units of the error that it may have, (N, 6)."""
    error = max(LEAST_ERROR_PX, ERROR * min(sighting.region.side_px for sighting in run))
    lean = np.degrees(np.unwrap([sighting.region.lean for sighting in run])) / LEAN_ERROR_DEGREES
    borders = np.array([(*sighting.region.box, sighting.margin_px) for sighting in run]) / error
    return np.hstack([borders, lean[:, None]])


def _needed(values: npt.NDArray[np.float64], first: int, last: int) -> Iterator[int]:
    """Yield which rows between two are no more than 1 beside the line between their neighbours that are kept (Ramer, 1972)."""
    if last - first < 2:
        return
    share = np.linspace(0, 1, last - first + 1)[1:-1, None]
    error = np.abs(values[first + 1 : last] - values[first] - share * (values[last] - values[first])).max(axis=1)
    worst = int(error.argmax())
    if error[worst] > 1:
        middle = first + 1 + worst
        yield from _needed(values, first, middle)
        yield middle
        yield from _needed(values, middle, last)


def _key_frame(sighting: Sighting) -> KeyFrame:
    region = sighting.region
    return KeyFrame(sighting.frame, region.box, sighting.margin_px, math.degrees(region.lean), sighting.source, sighting.score)
