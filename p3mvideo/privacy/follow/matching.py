"""Which of the faces that were found is which of those that are followed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from p3mvideo.privacy.detection import Box, Detection, area, intersection
from p3mvideo.privacy.region import Region

REACH = (0.35, 0.35)
"""How far from where it is expected a face may be found to be the same, in its sides: a constant and a part a score of 1 adds."""
RESIZE = (1.3, 0.6)
"""How many times as large or small it may be found, likewise."""


def match(regions: Sequence[Region], detections: Sequence[Detection]) -> dict[int, int]:
    """Return which detection belongs to which region, index to index, nearest pairs first.

    Greedy and strict is right here: to confuse two faces uncovers neither, and what matches nothing is covered as another face,
    while a track that a false find leads astray would leave its own face behind. So weak finds must fit better.
    """

    def distance(i: int, j: int) -> float | None:
        region, detection = regions[i], detections[j]
        reach, resize = (at_0 + extra * detection.score for at_0, extra in (REACH, RESIZE))
        apart = distance_in_sides(region.box, detection.box)
        return apart if apart < reach and resized(region.box, detection.box) < resize else None

    return nearest_pairs(len(regions), len(detections), distance)


def nearest_pairs(tracks: int, found: int, distance: Callable[[int, int], float | None]) -> dict[int, int]:
    """Return pairs, index to index, nearest first; `distance` returns None for what is no pair."""
    candidates = []
    for i in range(tracks):
        for j in range(found):
            apart = distance(i, j)
            if apart is not None:
                candidates.append((apart, i, j))
    pairs: dict[int, int] = {}
    for _, i, j in sorted(candidates):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def distance_in_sides(one: Box, other: Box) -> float:
    """Return how far the centres of two boxes lie apart, in sides of the larger one."""
    return math.dist(centre(one), centre(other)) / max(side(one), side(other))


def resized(one: Box, other: Box) -> float:
    """Return how many times as large the larger of two boxes is, at least 1."""
    return max(side(one), side(other)) / min(side(one), side(other))


def overlap(one: Box, other: Box) -> float:
    """Return the part of the smaller of two boxes that they share, in [0, 1]."""
    smaller = min(area(one), area(other))
    return intersection(one, other) / smaller if smaller > 0 else 0.0


def side(box: Box) -> float:
    """Return the longer side of a box in pixels, more than 0."""
    return max(box[2] - box[0], box[3] - box[1], 1e-6)


def centre(box: Box) -> tuple[float, float]:
    """Return the middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def square(x: float, y: float, side_px: float) -> Box:
    """Return the square box about a point."""
    return x - side_px / 2, y - side_px / 2, x + side_px / 2, y + side_px / 2
