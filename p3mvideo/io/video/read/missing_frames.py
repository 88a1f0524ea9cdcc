"""Finds frames that went into a decoder and never came out."""

from __future__ import annotations

import heapq
from typing import Final

ONE_FRAME_A_PACKET: Final = frozenset({"h264", "hevc", "ffv1", "prores", "dnxhd"})
"""Codecs of which each packet is one frame that is shown. Others have packets that are only referred to."""


class Ledger:
    """Compares the times of packets given to a decoder with those of the frames that it returns, in order of time."""

    def __init__(self) -> None:
        self._awaited: list[int] = []

    @property
    def waits(self) -> bool:
        """Whether frames have not come out yet."""
        return bool(self._awaited)

    def given(self, pts: int) -> None:
        """Note a packet."""
        heapq.heappush(self._awaited, pts)

    def returned(self, pts: int) -> int | None:
        """Note a frame, and return the time of the first one before it that is missing now, None if none is."""
        missing = None
        while self._awaited and self._awaited[0] <= pts:
            awaited = heapq.heappop(self._awaited)
            if awaited < pts and missing is None:
                missing = awaited
        return missing
