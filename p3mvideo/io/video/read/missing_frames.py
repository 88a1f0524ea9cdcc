"""Finds frames that went into a decoder and never came out."""

from __future__ import annotations

import heapq
from typing import Final

ONE_FRAME_A_PACKET: Final = frozenset({"h264", "hevc", "ffv1", "prores", "dnxhd"})
"""Codecs of which each packet is one frame that is shown. Others have packets that are only referred to."""


class Ledger:
    """Compares the times of packets given to a decoder with those of the frames that it returns, in order of time.

    Args:
        restart: A step back by more than this is a clock that starts again; what follows comes after all that was before.
    """

    def __init__(self, restart: int) -> None:
        self._awaited: list[tuple[int, int]] = []
        self._given, self._returned = _Parts(restart), _Parts(restart)

    @property
    def waits(self) -> bool:
        """Whether frames have not come out yet."""
        return bool(self._awaited)

    def given(self, pts: int) -> None:
        """Note a packet."""
        heapq.heappush(self._awaited, (self._given.part_of(pts), pts))

    def returned(self, pts: int) -> int | None:
        """Note a frame, and return the time of the first one before it that is missing now, None if none is."""
        frame = (self._returned.part_of(pts), pts)
        missing = None
        while self._awaited and self._awaited[0] <= frame:
            awaited = heapq.heappop(self._awaited)
            if awaited < frame and missing is None:
                missing = awaited[1]
        return missing


class _Parts:
    """Numbers the parts of a stream whose clock starts again."""

    def __init__(self, restart: int) -> None:
        self._restart = restart
        self._part = 0
        self._last: int | None = None

    def part_of(self, pts: int) -> int:
        """Return the number of the part that a time belongs to."""
        if self._last is not None and self._last - pts > self._restart:
            self._part += 1
        self._last = pts
        return self._part
