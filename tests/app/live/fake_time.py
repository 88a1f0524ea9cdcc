"""Clocks that tests can set."""

from __future__ import annotations

import time


class JumpingClock:
    """The real time, and whatever is added to it."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        return time.perf_counter() + self.offset


class ManualClock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
