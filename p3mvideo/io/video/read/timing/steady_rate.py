"""Notices when a stream of steady rate suddenly has a hole."""

from __future__ import annotations

from typing import Final

STEADY_STEPS: Final = 8
"""A stream is steady after this many equal steps."""
MISSING_STEPS: Final = 4
"""A step as long as this many others is a hole; cameras leave out a frame or two when they are busy."""


class SteadyRate:
    """Watches the times of frames in order. Where a reader skips damage without a word, there is a hole; so there is where a camera paused."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._step = 0
        self._equal = 0

    @property
    def is_steady(self) -> bool:
        """Whether the last steps were equal."""
        return self._equal >= STEADY_STEPS

    def missing_before(self, pts: int) -> int:
        """Take the next frame's time and return how many frames seem to be missing before it."""
        step = pts - self._last if self._last is not None else 0
        hole = self.is_steady and step >= MISSING_STEPS * self._step
        if abs(step - self._step) <= 1:  # containers round times to their unit
            self._equal += 1
        elif not hole:
            self._step, self._equal = step, 0
        self._last = pts
        return round(step / self._step) - 1 if hole else 0
