"""What of an input could not be decoded, and when it would have been shown."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class DamagedRange:
    """A part of an input that was lost or repaired by guessing; half open, in seconds of the input's own clock."""

    start_seconds: Fraction
    end_seconds: Fraction
    reason: str

    def __str__(self) -> str:
        return f"{float(self.start_seconds):.2f} s to {float(self.end_seconds):.2f} s: {self.reason}"


class DamageLog:
    """Collects damage while frames are decoded, and joins what belongs together.

    Errors of reader and decoder arrive without a reliable time: with several threads they are reported some frames late. So
    an error is kept until the next frame tells how large a hole it left.
    """

    def __init__(self) -> None:
        self._ranges: list[DamagedRange] = []
        self._pending: str | None = None
        self._shown_until: Fraction | None = None

    @property
    def ranges(self) -> tuple[DamagedRange, ...]:
        """All damage found so far, in order of time."""
        return tuple(self._ranges)

    def error(self, reason: str) -> None:
        """Note that something before the next frame could not be read or decoded."""
        self._pending = self._pending or reason

    def frame(self, start: Fraction, end: Fraction, *, corrupt: bool) -> None:
        """Note a decoded frame that is shown from `start` to `end` seconds; `corrupt` says that parts of it are guessed."""
        if self._pending is not None:
            hole_start = start if self._shown_until is None else self._shown_until
            # Without a hole the decoder has filled in for what it missed, somewhere up to here.
            self._add(hole_start, start if start > hole_start else end, self._pending)
            self._pending = None
        if corrupt:
            self._add(start, end, "parts of the picture were concealed by the decoder")
        self._shown_until = end

    def finish(self, expected_end: Fraction | None, tolerance: Fraction) -> None:
        """Note the end of the input, and where it should have ended if that is known, to within `tolerance` seconds."""
        if self._shown_until is None:
            return
        if expected_end is not None and expected_end - self._shown_until > tolerance:
            self._add(self._shown_until, expected_end, self._pending or "the file ends early")
        elif self._pending is not None:
            self._add(self._shown_until, self._shown_until, self._pending)
        self._pending = None

    def _add(self, start: Fraction, end: Fraction, reason: str) -> None:
        last = self._ranges[-1] if self._ranges else None
        if last is not None and start <= last.end_seconds:
            end = max(end, last.end_seconds)
            self._ranges[-1] = DamagedRange(last.start_seconds, end, last.reason)
        else:
            self._ranges.append(DamagedRange(start, end, reason))
