"""How busy a live run is."""

from __future__ import annotations

import time
from typing import NamedTuple

from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.pipeline import Progress, Stage, StageStatistics

THREADS: tuple[tuple[Stage, ...], ...] = (("anonymize",), ("network",), ("smooth",), ("refine", "compose"), ("encode",))
"""Which stages share a thread; waiting for the camera is no work."""
NETWORK: tuple[Stage, ...] = ("network",)
OBSERVE_SECONDS = 1.0


class Observation(NamedTuple):
    """What the last second was like."""

    lost_share: float
    """Images that were dropped, over all that the camera delivered."""
    load: float
    """Share of its time that the busiest thread worked."""
    network_load: float
    """The same of the network's."""
    rate: float
    """Images shown per second."""
    network_share: float
    """Share of the work for an image that the network does, in [0, 1]."""


class LoadMeter:
    """Compares counts and times with what they were a second ago.

    Args:
        source: Counts what the camera delivered and no one took.
    """

    def __init__(self, source: CameraSource) -> None:
        self._source = source
        self._statistics = StageStatistics()
        self._progress = Progress(0, 0, 0)
        self._past_dropped = self._past_out = 0
        self._observed_at = time.monotonic()
        self._before = (0, 0, 0)
        self._busy_before = [0.0] * len(THREADS)
        self.last_out_at = float("-inf")
        """`time.monotonic()` when the last image came out; long ago if there was none."""
        self.newest = Observation(0.0, 0.0, 0.0, 0.0, 0.0)
        """The last observation."""
        self.observed = False
        """Whether there was an observation in which images came out: before it, their rate is not known."""

    @property
    def dropped(self) -> int:
        """Images that were dropped, by the camera or in the pipeline."""
        return self._source.dropped + self._past_dropped + self._progress.dropped

    @property
    def pending(self) -> bool:
        """Whether frames are on their way through the pipeline."""
        return self._statistics.frames_in > self._statistics.frames_out + self._progress.dropped

    def begin(self, statistics: StageStatistics) -> None:
        """Follow another run of the pipeline."""
        self._past_dropped += self._progress.dropped
        self._past_out += self._progress.frames_out
        self._progress = Progress(0, 0, 0)
        self._statistics = statistics
        self._busy_before = [0.0] * len(THREADS)

    def progressed(self, progress: Progress) -> None:
        """Take note of an image that came out."""
        self._progress = progress
        self.last_out_at = time.monotonic()

    def observe(self) -> Observation | None:
        """Return what happened since the last observation; None if that is less than a second ago, or the camera delivered nothing: that tells
        nothing of what the computer can do."""
        now = time.monotonic()
        elapsed = now - self._observed_at
        if elapsed < OBSERVE_SECONDS:
            return None
        self._observed_at = now
        counts = (self._source.captured, self.dropped, self._past_out + self._progress.frames_out)
        captured, dropped, out = (count - before for count, before in zip(counts, self._before, strict=True))
        self._before = counts
        busy = [sum(self._statistics.busy_seconds(stage) for stage in stages) for stages in THREADS]
        worked = dict(zip(THREADS, (max(0.0, now - before) for now, before in zip(busy, self._busy_before, strict=True)), strict=True))
        self._busy_before = busy
        lost_share, network_share = dropped / captured if captured else 0.0, worked[NETWORK] / (sum(worked.values()) or 1.0)
        self.newest = Observation(lost_share, max(worked.values()) / elapsed, worked[NETWORK] / elapsed, out / elapsed, network_share)
        self.observed = self.observed or out > 0
        return self.newest if captured else None
