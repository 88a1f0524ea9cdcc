"""Durations in a histogram of fixed size."""

from __future__ import annotations

import math

SMALLEST_MS = 1e-3
LARGEST_MS = 1e6
RATIO = 1.02
"""Each bucket is this much wider than the one before, so a percentile is off by 1 % at most."""
BUCKETS = math.ceil(math.log(LARGEST_MS / SMALLEST_MS) / math.log(RATIO))


class DurationHistogram:
    """Counts durations in about a thousand buckets of geometric width, from 1 us to 1000 s.

    Its size does not depend on how many durations are added. The mean is exact; percentiles are off by 1 % at most
    inside that range.
    """

    def __init__(self) -> None:
        self.count = 0
        self.total_ms = 0.0
        self._buckets = [0] * BUCKETS
        self._least_ms = math.inf
        self._most_ms = 0.0

    @property
    def mean_ms(self) -> float:
        """The total over the count, 0 if nothing was added."""
        return self.total_ms / self.count if self.count else 0.0

    def add(self, duration_ms: float, *, times: int = 1) -> None:
        """Count a duration, `times` times."""
        position = math.log(max(duration_ms, SMALLEST_MS) / SMALLEST_MS) / math.log(RATIO)
        self._buckets[min(int(position), BUCKETS - 1)] += times
        self._least_ms = min(self._least_ms, duration_ms)
        self._most_ms = max(self._most_ms, duration_ms)
        self.count += times
        self.total_ms += duration_ms * times

    def add_overhead(self, duration_ms: float) -> None:
        """Add to the total, and so to the mean, what belongs to no single duration."""
        self.total_ms += duration_ms

    def percentile(self, percent: float) -> float:
        """Return the duration in ms that `percent` (0 to 100) of all durations do not exceed, 0 if nothing was added."""
        rank = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for index, count in enumerate(self._buckets):
            seen += count
            if seen >= rank:
                middle = SMALLEST_MS * math.pow(RATIO, index + 0.5)
                return min(max(middle, self._least_ms), self._most_ms)
        return 0.0
