"""The figures of a live run, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from p3mvideo.app.live.output_gate import LiveState, OutputGate
from p3mvideo.app.live.session import LiveSession
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.pipeline import RunStatistics


@dataclass(frozen=True)
class WebcamResult:
    """The account of a live run."""

    camera: str
    captured: int
    """Images that the camera delivered."""
    shown: int
    """Images of the camera that were shown."""
    dropped: int
    """Images that gave way to newer ones."""
    withheld: int
    """Images that were ready, but not allowed to be shown."""
    placeholders: int
    """How often the placeholder took their place."""
    seconds: float
    latency_p50_ms: float
    """From the capture of an image until it was shown."""
    latency_p95_ms: float
    quality: str
    """The level of quality at the end."""
    runs: Sequence[RunStatistics]
    """The pipelines that came to their end, in order."""
    recording: Path | None = None
    hangs: bool = False
    """Whether a thread hangs in a foreign call and was left behind: Python's own end may crash on it; `os._exit` does not."""

    def text(self) -> str:
        """Return it in a few lines."""
        per_second = self.shown / self.seconds if self.seconds > 0 else 0.0
        return (
            f"{self.camera}: {self.shown} of {self.captured} images shown in {self.seconds:.0f} s ({per_second:.1f} per second), "
            f"{self.dropped} dropped, {self.withheld} withheld\n"
            f"latency {self.latency_p50_ms:.0f} ms (p50), {self.latency_p95_ms:.0f} ms (p95); {self.quality}"
        )


class LiveFigures(NamedTuple):
    """The figures of the last moments."""

    state: LiveState
    rate: float
    """Images shown per second."""
    load: float
    """Share of its time that the busiest thread worked."""
    latency_p50_ms: float
    """From the capture of an image until it was shown, over the last few seconds."""
    latency_p95_ms: float
    dropped: int
    """Images that gave way to newer ones, since the beginning."""
    quality: str
    """The level of quality."""
    network: str
    """Network, runtime, device and precision."""

    def lines(self) -> list[str]:
        """Return them as text."""
        return [
            f"{self.rate:.1f} images per second, load {100 * self.load:.0f} %",
            f"latency {self.latency_p50_ms:.0f} ms (p50), {self.latency_p95_ms:.0f} ms (p95)",
            f"{self.dropped} dropped, {self.quality}",
            self.network,
        ]


def figures(show: OutputGate, session: LiveSession) -> LiveFigures:
    """Return the figures of the last moments."""
    recent = list(show.recent_ms) or [0.0]
    now = session.meter.newest
    return LiveFigures(
        show.state, now.rate, now.load, float(np.percentile(recent, 50)), float(np.percentile(recent, 95)), session.meter.dropped,
        session.ladder.rung.name, session.description,
    )  # fmt: skip


def gather(camera: str, source: CameraSource, show: OutputGate, session: LiveSession, *, seconds: float, recording: Path | None) -> WebcamResult:
    """Return the account of a run that has come to its end."""
    counts = show.counts
    return WebcamResult(
        camera, source.captured, counts.live, session.meter.dropped, counts.withheld, counts.placeholders, seconds,
        show.latency.percentile(50), show.latency.percentile(95), session.ladder.rung.name, tuple(session.runs), recording,
        session.alive,
    )  # fmt: skip
