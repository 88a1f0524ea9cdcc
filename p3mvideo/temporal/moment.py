"""When a matte was seen and what it looked like: enough to tell whether the next one goes on from it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch

from p3mvideo.frame import Frame, Matte

MAX_GAP_SECONDS = 0.5
"""After a longer silence the scene is taken for a new one."""


@dataclass(frozen=True)
class Moment:
    """The time of a frame, and the sizes of it and of its matte."""

    seconds: Fraction
    frame_shape: torch.Size
    matte_shape: torch.Size
    has_semantic: bool

    @classmethod
    def of(cls, frame: Frame, matte: Matte) -> Moment:
        """Return the moment of a frame and its matte, without holding on to either."""
        return cls(frame.seconds, frame.image.shape, matte.alpha.shape, matte.semantic is not None)

    def seconds_until(self, later: Moment) -> float | None:
        """Return the time to a later moment of the same stream; None if that does not go on from here.

        It does not if time stands still, goes back or makes a leap, or if the frame or the matte has another size or kind.
        """
        elapsed = float(later.seconds - self.seconds)
        alike = (self.frame_shape, self.matte_shape, self.has_semantic) == (later.frame_shape, later.matte_shape, later.has_semantic)
        return elapsed if alike and 0.0 < elapsed <= MAX_GAP_SECONDS else None
