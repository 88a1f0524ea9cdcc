"""Tells a part of a file that could not be read from a pause of the camera: only the former has bytes."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

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


class SkippedBytes:
    """Knows where in a file the packets of one stream lie, and how much other data usually lies between them."""

    def __init__(self) -> None:
        self._packets: deque[_Packet] = deque(maxlen=KEPT_PACKETS)
        self._between = 0
        self._count = 0

    def given(self, pts: int, position: int, size: int) -> None:
        """Take the next packet of the file: its time, and its place in bytes."""
        if self._packets:
            self._between += max(0, position - self._packets[-1].end)
            self._count += 1
        self._packets.append(_Packet(pts, position, position + size))

    def holds(self, missing: int, before: int, after: int) -> bool:
        """Return whether the file has bytes for frames that are missing between two that are shown.

        Args:
            missing: Their number.
            before: Time of the frame before them.
            after: Time of the one behind them.
        """
        end = max((packet.end for packet in self._packets if packet.pts <= before), default=None)
        begin = min((packet.begin for packet in self._packets if packet.pts >= after), default=None)
        if end is None or begin is None:
            return True
        gap = max(0, begin - end)
        usual = (self._between - gap) / max(1, self._count - 1)
        return gap > TOLERANCE * (missing + 1) * usual + SPARE_BYTES
