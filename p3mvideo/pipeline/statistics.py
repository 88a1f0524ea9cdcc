"""What a run took: times of its stages, counts of its frames, its latency."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from p3mvideo.pipeline.histogram import DurationHistogram

Stage = Literal["decode", "anonymize", "network", "smooth", "refine", "compose", "encode"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In the order in which a frame passes them."""


@dataclass(frozen=True)
class StageTimes:
    """Time that one stage spent on a frame: on the clock, and of the processor. Percentiles are off by 1 % at most."""

    frames: int
    """How many frames passed the stage."""
    mean_ms: float
    """All of the stage's time over its frames; for `encode` that includes the completion of the outputs."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    processor_ms: float
    """Mean processor time of the stage's own thread, without that of the threads which decoder, network and encoder start."""

    @classmethod
    def of(cls, durations: DurationHistogram, processor_seconds: float) -> StageTimes:
        """Summarise durations."""
        p50_ms, p95_ms, p99_ms = (durations.percentile(percent) for percent in (50, 95, 99))
        processor_ms = 1000 * processor_seconds / durations.count if durations.count else 0.0
        return cls(durations.count, durations.mean_ms, p50_ms, p95_ms, p99_ms, processor_ms)


@dataclass(frozen=True)
class RunStatistics:
    """The account of a run. Stages overlap in time, so their means do not add up to the time of a frame."""

    stages: Mapping[Stage, StageTimes]
    """The stages in the order in which a frame passes them."""
    frames_in: int
    """Frames that the source delivered."""
    frames_out: int
    """Frames that were written, to every output."""
    dropped: int
    """Frames of a live source that gave way to newer ones."""
    total_seconds: float
    """From the start of the threads until every output was complete."""
    first_frame_seconds: float | None
    """From the start of the threads until the first frame was written; None if there was none."""
    latency_p50_ms: float
    """From the delivery of a frame by the source until it was written."""
    latency_p95_ms: float
    """From the delivery of a frame by the source until it was written."""
    processor_seconds: float
    """Processor time of the whole process during the run, all its threads together."""

    @property
    def frames_per_second(self) -> float:
        """Frames written per second of the whole run."""
        return self.frames_out / self.total_seconds if self.total_seconds > 0 else 0.0

    @property
    def processor_ms(self) -> float:
        """Processor time of the whole process per frame written: what a frame costs, however many cores share it."""
        return 1000 * self.processor_seconds / self.frames_out if self.frames_out else 0.0

    @property
    def helper_processor_ms(self) -> float:
        """The part of `processor_ms` outside the stages' own threads: the threads that decoder, network and encoder start."""
        return max(0.0, self.processor_ms - sum(times.processor_ms for times in self.stages.values()))

    def to_json(self) -> dict[str, Any]:
        """Return everything as a dict of plain values, for `json.dumps`."""
        return asdict(self) | {"frames_per_second": self.frames_per_second, "processor_ms": self.processor_ms}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunStatistics:
        """Return the account that `to_json` wrote."""
        rest = {field.name: values[field.name] for field in fields(cls) if field.name != "stages"}
        return cls(stages={stage: StageTimes(**times) for stage, times in values["stages"].items()}, **rest)

    def table(self) -> str:
        """Return the stage table and the counts as plain text."""
        lines = [f"{'stage':<10}{'ms/frame':>10}{'p50':>10}{'p95':>10}{'p99':>10}{'processor':>12}"]
        lines += [
            f"{stage:<10}{times.mean_ms:>10.2f}{times.p50_ms:>10.2f}{times.p95_ms:>10.2f}{times.p99_ms:>10.2f}{times.processor_ms:>12.2f}"
            for stage, times in self.stages.items()
        ]
        first = "never" if self.first_frame_seconds is None else f"after {self.first_frame_seconds:.2f} s"
        lines += [
            f"{self.frames_in} frames in, {self.frames_out} out, {self.dropped} dropped",
            f"{self.total_seconds:.2f} s, {self.frames_per_second:.1f} frames per second, first frame {first}",
            f"processor: {self.processor_ms:.1f} ms per frame, {self.helper_processor_ms:.1f} of it in threads of decoder, network and encoder",
            f"latency {self.latency_p50_ms:.0f} ms (p50), {self.latency_p95_ms:.0f} ms (p95)",
        ]
        return "\n".join(lines)


class StageStatistics:
    """Records a run while it happens, in memory that does not grow.

    Each stage is recorded by the one thread that runs it, so there is no lock. `result` may be called at any time, by any
    thread; during a run its figures are a moment apart.
    """

    def __init__(self) -> None:
        self._stages: dict[Stage, DurationHistogram] = {stage: DurationHistogram() for stage in STAGES}
        self._processor_seconds: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)
        self._latency = DurationHistogram()
        self._started = time.perf_counter()
        self._processor_started = time.process_time()
        self._first_frame_seconds: float | None = None
        self.frames_in = 0
        self.frames_out = 0

    def start(self) -> None:
        """Start the clocks."""
        self._started = time.perf_counter()
        self._processor_started = time.process_time()

    @contextmanager
    def timed(self, stage: Stage, *, frames: int = 1) -> Iterator[None]:
        """Record the duration of a block that worked on `frames` frames, the same share for each; not if it raises."""
        started, processor_started = time.perf_counter(), time.thread_time()
        yield
        self._stages[stage].add((time.perf_counter() - started) * 1000 / frames, times=frames)
        self._processor_seconds[stage] += time.thread_time() - processor_started

    @contextmanager
    def timed_overhead(self, stage: Stage) -> Iterator[None]:
        """Record the duration of a block that worked for all frames together; not if it raises."""
        started, processor_started = time.perf_counter(), time.thread_time()
        yield
        self._stages[stage].add_overhead((time.perf_counter() - started) * 1000)
        self._processor_seconds[stage] += time.thread_time() - processor_started

    def busy_seconds(self, stage: Stage) -> float:
        """Return the time that a stage has worked so far."""
        return self._stages[stage].total_ms / 1000

    def read_frame(self, decode_seconds: float, processor_seconds: float) -> None:
        """Count a frame that the source delivered, and the time that it took for it, on the clock and of the calling thread."""
        self._stages["decode"].add(decode_seconds * 1000)
        self._processor_seconds["decode"] += processor_seconds
        self.frames_in += 1

    def wrote_frame(self, captured_at: float) -> None:
        """Count a frame that every sink took; `captured_at` is `time.perf_counter()` when the source delivered it."""
        now = time.perf_counter()
        self._latency.add((now - captured_at) * 1000)
        self.frames_out += 1
        if self._first_frame_seconds is None:
            self._first_frame_seconds = now - self._started

    def result(self, *, dropped: int = 0) -> RunStatistics:
        """Return the account up to now."""
        return RunStatistics(
            stages={stage: StageTimes.of(durations, self._processor_seconds[stage]) for stage, durations in self._stages.items()},
            frames_in=self.frames_in,
            frames_out=self.frames_out,
            dropped=dropped,
            total_seconds=time.perf_counter() - self._started,
            first_frame_seconds=self._first_frame_seconds,
            latency_p50_ms=self._latency.percentile(50),
            latency_p95_ms=self._latency.percentile(95),
            processor_seconds=time.process_time() - self._processor_started,
        )
