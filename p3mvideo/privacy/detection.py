"""One found face, and the arithmetic on boxes that finding and following share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from p3mvideo.frame import Float32Array

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels."""


@dataclass(frozen=True, eq=False)
class Detection:
    """One face as a detector sees it."""

    box: Box
    """(x0, y0, x1, y1) in pixels of the image that was searched; may reach beyond its border."""
    key_points: Float32Array | None
    """The subject's right eye, left eye, nose tip, mouth centre, and, where the detector knows them, right and left ear: float32 (6, 2) or
    (4, 2) as x, y in pixels. None from a detector that knows none."""
    score: float
    """The detector's confidence in [0, 1]."""
    belief: float | None = None
    """How much both models believe it on average when they look at it closely several times, 0.5 where the threshold lies; None where
    no one looked so closely."""

    def moved(self, *, scale: float = 1.0, dx: float = 0.0, dy: float = 0.0) -> Detection:
        """Return the same face in other coordinates: scaled about the origin, then shifted."""
        x0, y0, x1, y1 = self.box
        box = (x0 * scale + dx, y0 * scale + dy, x1 * scale + dx, y1 * scale + dy)
        key_points = None if self.key_points is None else self.key_points * np.float32(scale) + np.array((dx, dy), np.float32)
        return replace(self, box=box, key_points=key_points)


def belief_of(score: float, thresh: float) -> float:
    """Return how much a face with a score is believed, see `Detection.belief`: 0.5 at the threshold; above a high one, 1 at a score of 1.

    Args:
        score: In [0, 1].
        thresh: The score from which a face is believed, in (0, 1].
    """
    if thresh <= 0.5 or score <= thresh:
        return score * 0.5 / thresh
    return 0.5 + 0.5 * (score - thresh) / (1 - thresh)


def shifted(box: Box, dx: float, dy: float) -> Box:
    """Return a box that lies so many pixels further right and down."""
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def area(box: Box) -> float:
    """Return a box's area in square pixels, 0 if it is empty."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def intersection(a: Box, b: Box) -> float:
    """Return the area that two boxes share, in square pixels."""
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def iou(a: Box, b: Box) -> float:
    """Return intersection over union of two boxes in [0, 1]; 0 if both are empty."""
    shared = intersection(a, b)
    whole = area(a) + area(b) - shared
    return shared / whole if whole > 0 else 0.0


def union(detections: Iterable[Detection], *, overlap: float = 0.3) -> tuple[Detection, ...]:
    """Merge what several looks at one image found: of any that overlap, keep the surest.

    Args:
        detections: In one coordinate system, in any order.
        overlap: Two faces are one if what they share covers more than this part of the smaller one; an intersection over union
            would take a box inside a box for two faces.
    """
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda detection: detection.score, reverse=True):
        smallest = [min(area(candidate.box), area(other.box)) for other in kept]
        if all(intersection(candidate.box, other.box) <= overlap * small for other, small in zip(kept, smallest, strict=True)):
            kept.append(candidate)
    return tuple(kept)
