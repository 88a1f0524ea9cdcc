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

    Decoders work ahead of what they show, and with several threads they report errors late. So an error is kept until the
    frames around it tell how large a hole it left, or that it left none.
    """

    def __init__(self) -> None:
        self._ranges: list[DamagedRange] = []
        self._error: tuple[Fraction, str] | None = None
        self._shown_until: Fraction | None = None

    @property
    def ranges(self) -> tuple[DamagedRange, ...]:
        """All damage found so far, in order of time."""
        return tuple(self._ranges)

    def error(self, seconds: Fraction, reason: str) -> None:
        """Note that something could not be read or decoded that was to be shown at about this time."""
        self._error = self._error or (seconds, reason)

    def frame(self, start: Fraction, end: Fraction, *, corrupt: bool = False, lost: Fraction | None = None) -> None:
        """Note a decoded frame that is shown from `start` to `end` seconds.

        Args:
            start: When it is shown.
            end: Until when.
            corrupt: Whether parts of it are guessed.
            lost: When the first of those frames should have been shown that belong before it and never came.
        """
        length = end - start
        shown_until = self._shown_until if self._shown_until is not None else start if lost is None else lost
        if lost is not None:
            self._add(min(lost, shown_until), start, self._error[1] if self._error else "frames could not be decoded")
            self._error = None
        elif self._error is not None and start - shown_until > length / 2:
            self._add(shown_until, start, self._error[1])
            self._error = None
        elif self._error is not None and start > self._error[0]:
            # Past the place without a hole: the decoder has filled in for what it missed.
            self._add(self._error[0], start, self._error[1])
            self._error = None
        if corrupt:
            self._add(start, end, "parts of the image were concealed by the decoder")
        self._shown_until = end

    def finish(self, expected_end: Fraction | None = None) -> None:
        """Note the end of the input, and if it came too early, where it should have been."""
        if self._shown_until is None:
            return
        if expected_end is not None and expected_end > self._shown_until:
            self._add(self._shown_until, expected_end, self._error[1] if self._error else "the file ends early")
        elif self._error is not None:
            start = min(self._error[0], self._shown_until)
            self._add(start, max(self._error[0], self._shown_until), self._error[1])
        self._error = None

    def _add(self, start: Fraction, end: Fraction, reason: str) -> None:
        last = self._ranges[-1] if self._ranges else None
        if last is not None and start <= last.end_seconds:
            self._ranges[-1] = DamagedRange(min(start, last.start_seconds), max(end, last.end_seconds), last.reason)
        else:
            self._ranges.append(DamagedRange(start, end, reason))
