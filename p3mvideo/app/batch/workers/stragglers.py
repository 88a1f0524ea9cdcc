"""Which unit in work would be done sooner if another worker began it again, as at the end of a run on machines of different speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from p3mvideo.app.batch.unit import Unit

LEAST_ENDED: Final = 3
"""How many units must have ended before it is known how long one takes."""
FACTOR: Final = 2.0
"""How many times as long as a fresh start a unit must still need, ..."""
LEAST_SECONDS: Final = 20.0
"""... and how much longer, to be taken from its worker."""


@dataclass
class _Pass:
    """One pass over a unit; there may be several."""

    unit: Unit
    total: int
    began: float
    unit_began: float
    done: int = 0


class Stragglers:
    """Compares units in work with those that have ended. A unit counts by its size in bytes.

    Args:
        clock: Seconds, growing.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._passes: dict[int, _Pass] = {}
        self._seconds_per_byte: list[float] = []
        self._excluded: set[int] = set()

    def begin(self, unit: Unit, total: int | None) -> None:
        """A unit, or another pass over it, has begun and has this many frames; 0 or None if that is unknown."""
        now, before = self._clock(), self._passes.get(unit.number)
        self._passes[unit.number] = _Pass(unit, total or 0, now, now if before is None else before.unit_began)

    def advance(self, unit: Unit, done: int) -> None:
        """This many frames of a pass are done."""
        if unit.number in self._passes:
            self._passes[unit.number].done = done

    def end(self, unit: Unit) -> None:
        """A unit has ended."""
        known = self._passes.pop(unit.number, None)
        if known is not None:
            self._seconds_per_byte.append((self._clock() - known.unit_began) / max(1, unit.size))

    def drop(self, unit: Unit) -> None:
        """A unit is in work no longer."""
        self._passes.pop(unit.number, None)

    def exclude(self, unit: Unit) -> None:
        """A unit is to stay where it is."""
        self._excluded.add(unit.number)

    def find(self) -> Unit | None:
        """Return the unit that is best begun again by another worker, each at most once; None if there is none.

        What a unit still needs is estimated from its present pass only, so rather too low.
        """
        if len(self._seconds_per_byte) < LEAST_ENDED:
            return None
        rate, now = median(self._seconds_per_byte), self._clock()
        worst, unit = 0.0, None
        for known in self._passes.values():
            if known.unit.number in self._excluded or not 0 < known.done < known.total:
                continue
            left = (now - known.began) * (known.total - known.done) / known.done
            fresh = rate * max(1, known.unit.size)
            if left > max(FACTOR * fresh, fresh + LEAST_SECONDS, worst):
                worst, unit = left, known.unit
        if unit is not None:
            self.exclude(unit)
        return unit
