"""When a frame was seen and how large it was: enough to tell whether the next one continues its scene."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from p3mvideo.frame import Frame
from p3mvideo.matte import Matte

MAX_GAP_SECONDS = 0.5
"""After a longer silence the scene is taken for a new one."""


@dataclass(frozen=True)
class Moment:
    """The time and the size of a frame."""

    seconds: Fraction
    frame_shape: tuple[int, int, int]

    @classmethod
    def of(cls, frame: Frame) -> Moment:
        """Return the moment of a frame, without holding on to it."""
        return cls(frame.seconds, frame.shape)

    def seconds_until(self, later: Moment) -> float | None:
        """Return the time to a later moment of the same stream; None if that does not go on from here.

        It does not if time stands still, goes back or makes a leap, or if the frame has another size.
        """
        elapsed = float(later.seconds - self.seconds)
        return elapsed if self.frame_shape == later.frame_shape and 0.0 < elapsed <= MAX_GAP_SECONDS else None


def same_kind(one: Matte, other: Matte) -> bool:
    """Return whether two mattes have the same size, and both or neither a semantic part."""
    return one.shape == other.shape and one.has_semantic == other.has_semantic
