"""Makes the timestamps of decoded frames strictly increasing, changing none that is already right."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

JUMP_SECONDS = Fraction(1)
"""A step back by more than this is a clock that restarted, a smaller one a wrong timestamp."""


class Moment(NamedTuple):
    """When a frame is shown, in units of the stream's time base."""

    pts: int
    duration: int | None


class Timeline:
    """Hands out the times of one stream's frames in presentation order.

    Args:
        time_base: Seconds per unit.
        rate: Frames per second, used where neither frame nor predecessor says how long it is shown.
    """

    def __init__(self, time_base: Fraction, rate: Fraction | None) -> None:
        self._time_base = time_base
        self._usual = max(1, round(1 / (time_base * rate))) if rate else max(1, round(Fraction(1, 25) / time_base))
        self._offset = 0
        self._last: Moment | None = None

    def place(self, pts: int | None, duration: int | None) -> Moment:
        """Return the time of the next frame, given what the stream says of it (None or 0 where it says nothing)."""
        last = self._last
        length = duration or None
        if pts is None:
            moment = Moment(0 if last is None else self._following(last), length)
        elif last is None or pts + self._offset > last.pts:
            moment = Moment(pts + self._offset, length)
        elif (last.pts - pts - self._offset) * self._time_base > JUMP_SECONDS:
            self._offset = self._following(last) - pts
            moment = Moment(pts + self._offset, length)
        else:
            moment = Moment(last.pts + 1, length)
        self._last = moment
        return moment

    def _following(self, last: Moment) -> int:
        return last.pts + (last.duration or self._usual)
