"""One face in one frame, as whoever covers it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from p3mvideo.frame import Float32Array
from p3mvideo.privacy.region import Reach, Region

Source = Literal["found", "followed", "held", "filled", "by hand"]
"""How the place of a face is known: the detector found it in this frame; the motion of its own pixels leads here and they still look
like it; nothing tells, and it is held for a stated short time; it lies between two frames of a recording in which it was found; a person
said so."""


@dataclass(frozen=True, eq=False, slots=True)
class TrackedFace:
    """Where a face is believed to be in one frame."""

    track: int
    """Identifies the same face in other frames."""
    region: Region
    """The face: its box in pixels, the lean of the head in radians, and its reach in the box."""
    source: Source
    """How that is known."""
    score: float | None = None
    """The detector's confidence in [0, 1]; None unless the face was found in this frame."""
    key_points: Float32Array | None = None
    """As `Detection.key_points`, float32 (6, 2) in pixels; None unless the face was found in this frame."""
    margin_px: float = 0.0
    """How far the face may reach beyond `region` on each side, in pixels."""

    @property
    def cover(self) -> Region:
        """What must be covered so that the face is."""
        return self.region.grown(self.margin_px)

    def to_json(self) -> list[Any]:
        """Return everything as plain values."""
        points = None if self.key_points is None else self.key_points.tolist()
        region = [list(map(float, self.region.box)), float(self.region.lean), list(map(float, self.region.reach))]
        return [self.track, region, self.source, None if self.score is None else float(self.score), points, float(self.margin_px)]

    @classmethod
    def from_json(cls, values: Sequence[Any], **more: Any) -> Self:
        """Return the face that `to_json` wrote; `more` are the fields that a subclass has beside."""
        track, (box, lean, reach), source, score, points, margin_px = values
        x0, y0, x1, y1 = box
        key_points = None if points is None else np.asarray(points, np.float32)
        return cls(track, Region((x0, y0, x1, y1), lean, Reach(*reach)), source, score, key_points, margin_px, **more)
