"""One face in one frame, as whoever covers it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from p3mvideo.frame import Float32Array
from p3mvideo.privacy.region import Region

Source = Literal["found", "followed", "held", "filled", "by hand"]
"""How the place of a face is known: the detector found it in this frame; the motion of its own pixels leads here and they still look
like it; nothing tells, and it is held for a stated short time; it lies between two frames of a recording in which it was found; a person
said so."""


@dataclass(frozen=True, eq=False)
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
