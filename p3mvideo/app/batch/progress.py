"""How far a run over many units has come, and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from p3mvideo.app.batch.unit import Unit
from p3mvideo.listener import BatchProgress, Listener

TELL_SECONDS = 0.5
"""Between two accounts."""


class ProgressMeter:
    """Adds up what the workers say. A unit counts by its size in bytes.

    Args:
        listener: Told from time to time.
        clock: Seconds, growing.
    """

    def __init__(self, listener: Listener, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener, self._clock = listener, clock
        self._sizes: dict[int, int] = {}
        self._running: dict[int, tuple[int, int]] = {}
        """Of each unit in work, by number: frames in all, over all passes, and how many are done."""
        self._ended = self._failed = 0
        self._ended_size = self._skipped_size = 0
        self._started = self._told = clock()

    def add(self, units: Sequence[Unit]) -> None:
        """Take units that are to be done."""
        self._sizes |= {unit.number: max(1, unit.size) for unit in units}

    def begin(self, unit: Unit, total: int | None) -> None:
        """A unit has begun and has this many frames; 0 or None if that is unknown."""
        self._running[unit.number] = total or 0, 0
        self._tell()

    def advance(self, unit: Unit, done: int) -> None:
        """This many frames of it are done."""
        if unit.number in self._running:
            self._running[unit.number] = self._running[unit.number][0], done
        self._tell()

    def end(self, unit: Unit, *, failed: bool, skipped: bool = False) -> None:
        """A unit is done, or was before this run."""
        self._running.pop(unit.number, None)
        size = self._sizes[unit.number]
        self._ended += 1
        self._failed += failed
        self._ended_size += size
        self._skipped_size += size if skipped else 0
        self._tell(now=True)

    def lost(self, unit: Unit) -> None:
        """What was done of a unit is lost."""
        self._running.pop(unit.number, None)

    def progress(self) -> BatchProgress:
        """Return the account of now."""
        whole = max(1, sum(self._sizes.values()))
        partly = sum(self._sizes[number] * _share(*frames) for number, frames in self._running.items())
        done = self._ended_size + partly
        fresh = done - self._skipped_size
        left = (whole - done) * (self._clock() - self._started) / fresh if fresh > 0 else None
        return BatchProgress(self._ended, self._failed, len(self._sizes), min(1.0, done / whole), left)

    def _tell(self, *, now: bool = False) -> None:
        if now or self._clock() - self._told >= TELL_SECONDS:
            self._told = self._clock()
            self._listener.overall(self.progress())


def _share(total: int, done: int) -> float:
    return min(1.0, done / total) if total else 0.0
