"""Who of several people stays in the matte: chosen by points, and followed from frame to frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.compose.keep import PERSON, SMALL_SHARE, within
from p3mvideo.frame import Float32Array, Frame
from p3mvideo.matte import Matte
from p3mvideo.options.matte import PersonPoint

NO_ONE, STAYS, GOES = 0, 1, 2
"""Whose a pixel is."""
HOLD_SECONDS: Final = 1.0
"""How long the place of a person is remembered who is not seen."""
REACH: Final = 0.03
"""How far beside a person a point may lie, in lengths of the frame's longer side."""
SHARE: Final = 0.1
"""Where people touch: of those who were seen before, each has at least this share of the part that they are now."""
TIME_TOLERANCE: Final = 1e-3

Labels = npt.NDArray[np.uint8]
Parts = npt.NDArray[np.int32]


class PeopleFollower:
    """Follows people by the connected parts of the matte, and what was decided about each of them.

    A part is who it covered one frame before, by overlap. Where parts with different decisions have become one, because people touch, each of
    its pixels belongs to the nearest pixel that was known before. Who is first seen touching someone is told apart by points for both in one
    frame: each pixel then belongs to the nearest of these points.

    Args:
        newcomers: The decision about people who were not seen before.
    """

    def __init__(self, newcomers: int) -> None:
        self._newcomers = newcomers
        self._known: Labels | None = None
        self._seen_at: npt.NDArray[np.float64] | None = None
        self._last = 0.0

    def update(self, parts: Parts, seconds: float, points: Sequence[tuple[float, float, int]] = ()) -> tuple[Labels, list[bool]]:
        """Take the next frame, in either direction of time.

        Args:
            parts: Numbers of the connected parts, see `person_parts`.
            seconds: Its time.
            points: (x, y, decision) in pixels of `parts`.

        Returns:
            The decision about each pixel of a person, uint8 (h, w), `NO_ONE` elsewhere; and for each point whether there is someone.
        """
        if self._known is None or self._seen_at is None or self._known.shape != parts.shape:
            self._known, self._seen_at = np.zeros(parts.shape, np.uint8), np.full(parts.shape, np.inf)
        fresh = np.where(self._seen_at == self._last, self._known, NO_ONE)
        remembered = np.where(np.abs(seconds - self._seen_at) <= HOLD_SECONDS, self._known, NO_ONE)
        now: Labels = np.zeros(parts.shape, np.uint8)
        for part in range(1, int(parts.max()) + 1):
            inside = parts == part
            known = fresh if (fresh[inside] != NO_ONE).any() else remembered
            now[inside] = self._inherited(inside, known)
        hits = _decide(now, parts, points)
        self._known = np.where(parts > 0, now, remembered).astype(np.uint8)
        self._seen_at = np.where(parts > 0, seconds, self._seen_at)
        self._last = seconds
        return now, hits

    def _inherited(self, inside: npt.NDArray[np.bool_], known: Labels) -> Labels | int:
        """Return the decision about the pixels of a part by what was known before: one for all, or one for each."""
        shares = np.bincount(known[inside], minlength=3)[1:] / np.count_nonzero(inside)
        if not shares.any():
            return self._newcomers
        if shares.min() < SHARE:
            return STAYS if shares[STAYS - 1] >= shares[GOES - 1] else GOES
        return np.asarray(_of_nearest(known != NO_ONE, known)[inside], np.uint8)


class ChosenPeople:
    """A `TemporalFilter` that keeps the people at the points that stay, or everyone but those at the points that go.

    Args:
        points: In the order of their times. One that is earlier than the first frame counts for that frame.
    """

    def __init__(self, points: Sequence[PersonPoint]) -> None:
        self._waiting = self._points = tuple(points)
        self._newcomers = GOES if any(point.stays for point in points) else STAYS
        self._follower = PeopleFollower(self._newcomers)
        self.missed: list[PersonPoint] = []
        """Points at which no one was."""

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """See `p3mvideo.stages.TemporalFilter`. The matte may have another size than the frame."""
        alpha = matte.alpha_array()
        scale = alpha.shape[1] / frame.width, alpha.shape[0] / frame.height
        seconds = float(frame.seconds)
        due = [point for point in self._waiting if float(point.seconds) <= seconds + TIME_TOLERANCE]
        self._waiting = self._waiting[len(due) :]
        places = [(point.x * scale[0], point.y * scale[1], STAYS if point.stays else GOES) for point in due]
        parts = person_parts(alpha)
        known, hits = self._follower.update(parts, seconds, places)
        self.missed += [point for point, hit in zip(due, hits, strict=True) if not hit]
        if not (known == GOES).any():
            return matte
        # What is fainter, and what is too small for a person, goes with the nearest one.
        return within(matte, _of_nearest(parts > 0, known) != GOES)

    def reset(self) -> None:
        """Forget who was seen; all points are to come again."""
        self._waiting = self._points
        self._follower = PeopleFollower(self._newcomers)


def person_parts(alpha: Float32Array) -> Parts:
    """Return the connected parts of a matte that are large enough for a person, numbered from 1, int32 (h, w); 0 elsewhere."""
    count, labels, statistics, _ = cv2.connectedComponentsWithStats((alpha >= PERSON).astype(np.uint8), connectivity=8)
    numbers = np.zeros(count, np.int32)
    large = [part for part in range(1, count) if statistics[part, cv2.CC_STAT_AREA] >= SMALL_SHARE * alpha.size]
    numbers[large] = range(1, len(large) + 1)
    return np.asarray(numbers[labels], np.int32)


def _of_nearest(known: npt.NDArray[np.bool_], values: Labels) -> Labels:
    """Return for every pixel the value of the nearest one that is known, uint8 (h, w)."""
    _, nearest = cv2.distanceTransformWithLabels((~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    of_label = np.zeros(int(nearest.max()) + 1, np.uint8)
    of_label[nearest[known]] = values[known]
    return np.asarray(of_label[nearest], np.uint8)


def _decide(now: Labels, parts: Parts, points: Sequence[tuple[float, float, int]]) -> list[bool]:
    """Decide about who is at each of some places, or close to it; return for each whether there is someone."""
    former = now.copy()
    regions: dict[tuple[int, int], list[tuple[float, float, int]]] = defaultdict(list)
    hits = []
    for x, y, decision in points:
        pixel = _pixel_at(parts, x, y)
        hits.append(pixel is not None)
        if pixel is not None:
            regions[int(parts[pixel]), int(former[pixel])].append((x, y, decision))
    for (part, known), meant in regions.items():
        rows, columns = np.nonzero((parts == part) & (former == known))
        distances = [np.hypot(columns - x, rows - y) for x, y, _ in meant]
        now[rows, columns] = np.array([decision for _, _, decision in meant], np.uint8)[np.argmin(distances, axis=0)]
    return hits


def _pixel_at(parts: Parts, x: float, y: float) -> tuple[int, int] | None:
    """Return row and column of the pixel of a person at a place, or close to it; None if there is none."""
    height, width = parts.shape
    row, column = min(max(int(y), 0), height - 1), min(max(int(x), 0), width - 1)
    if parts[row, column]:
        return row, column
    rows, columns = np.nonzero(parts)
    if not rows.size:
        return None
    distances = np.hypot(rows - y, columns - x)
    nearest = int(np.argmin(distances))
    return (int(rows[nearest]), int(columns[nearest])) if distances[nearest] <= max(1.5, REACH * max(height, width)) else None
