"""Notices parts of a file that its reader passes over without a word. A pause of the camera leaves a hole, too, but no bytes."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from p3mvideo.io.video.read.timing.steady_rate import SteadyRate

KEPT_PACKETS: Final = 64
"""More than any codec brings out of order."""
TOLERANCE: Final = 1.25
"""Sound and headers of the container take so many times as many bytes as usual for their time at most."""
SPARE_BYTES: Final = 100
"""Whatever else may lie between two packets."""


class _Packet(NamedTuple):
    pts: int
    begin: int
    end: int


class UnreadParts:
    """Watches the times of frames, where in the file their packets lie, and how much other data usually lies between them."""

    def __init__(self) -> None:
        self._steady = SteadyRate()
        self._packets: deque[_Packet] = deque(maxlen=KEPT_PACKETS)
        self._between = 0
        self._count = 0
        self._last = 0

    @property
    def is_steady(self) -> bool:
        """Whether the last steps from frame to frame were equal."""
        return self._steady.is_steady

    def given(self, pts: int, position: int, size: int) -> None:
        """Take the next packet of the file: its time, and its place in bytes."""
        if self._packets:
            self._between += max(0, position - self._packets[-1].end)
            self._count += 1
        self._packets.append(_Packet(pts, position, position + size))

    def is_before(self, pts: int, shown_pts: int) -> bool:
        """Take the next frame and return whether there are bytes for frames that are missing before it.

        Args:
            pts: Its time, as packets have it.
            shown_pts: The time at which it is shown.
        """
        missing, before, self._last = self._steady.missing_before(shown_pts), self._last, pts
        return missing > 0 and self._holds(missing, before, pts)

    def _holds(self, missing: int, before: int, after: int) -> bool:
        """Return whether more bytes lie between two frames than sound and headers take in their time."""
        end = max((packet.end for packet in self._packets if packet.pts <= before), default=None)
        begin = min((packet.begin for packet in self._packets if packet.pts >= after), default=None)
        if end is None or begin is None:
            return True
        gap = max(0, begin - end)
        usual = (self._between - gap) / max(1, self._count - 1)
        return gap > TOLERANCE * (missing + 1) * usual + SPARE_BYTES
