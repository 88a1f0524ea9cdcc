"""`p3mvideo bench`: what the main job costs on this machine, stage by stage, beside the floor of merely decoding and encoding."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from p3mvideo.app.demo import sunset
from p3mvideo.app.process import AnonymizeMode, ProcessListener, process
from p3mvideo.app.sample_clip import make_sample_clip
from p3mvideo.engine import make_matter
from p3mvideo.engine.make_matter import Precision, Runtime
from p3mvideo.errors import DeviceError
from p3mvideo.frame import Frame, Matte
from p3mvideo.io.open_sink import open_sink
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.ops.contact_sheet import write_picture
from p3mvideo.pipeline import Output, Pipeline, Progress, RunStatistics
from p3mvideo.privacy.anonymizer import NoAnonymizer
from p3mvideo.temporal import Immediate, NoFilter, Smoothing
from p3mvideo.weights import DEFAULT_MODEL

NETWORK_SIZE = (512, 288)
"""Working size, (width, height), at which the network alone is timed."""


@dataclass(frozen=True)
class NetworkTime:
    """The network alone, one picture at a time, at `NETWORK_SIZE`."""

    precision: str
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class MemoryUse:
    """Resident memory of this process over the main run, in MiB; None where the system does not tell."""

    peak_mib: float
    middle_third_mib: float
    last_third_mib: float


@dataclass(frozen=True)
class BenchResult:
    """What one run measured."""

    machine: str
    engine: str
    clip: str
    """Size, length and codec of what was processed."""
    run: RunStatistics
    floor: RunStatistics
    """The same file merely decoded and encoded."""
    startup_seconds: float
    """From the call until the first frame was written: network, detector and streams included."""
    memory: MemoryUse | None
    network: tuple[NetworkTime, ...]

    @property
    def times_floor(self) -> float:
        """How many times as long as decoding and encoding alone the main job took."""
        return self.run.total_seconds / self.floor.total_seconds

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "machine": self.machine, "engine": self.engine, "clip": self.clip, "run": self.run.to_json(), "floor": self.floor.to_json(),
            "times_floor": self.times_floor, "startup_seconds": self.startup_seconds,
            "memory": self.memory and asdict(self.memory), "network": [asdict(entry) for entry in self.network],
        }  # fmt: skip

    def table(self) -> str:
        """Return everything as plain text."""
        lines = [self.machine, self.engine, self.clip, "", self.run.table(), ""]
        floor = self.floor.frames_per_second
        lines.append(f"floor (decode and encode alone): {floor:.1f} frames per second; the run took {self.times_floor:.2f} times as long")
        lines.append(f"first frame {self.startup_seconds:.2f} s after the start")
        if self.memory is not None:
            memory = self.memory
            lines.append(f"memory: peak {memory.peak_mib:.0f} MiB; mean {memory.middle_third_mib:.0f} MiB in the middle third of the run, "
                         f"{memory.last_third_mib:.0f} MiB in the last")  # fmt: skip
        for entry in self.network:
            size = "x".join(map(str, NETWORK_SIZE))
            lines.append(f"network alone at {size}, {entry.precision}: {entry.p50_ms:.1f} ms (p50), {entry.p95_ms:.1f} ms (p95)")
        return "\n".join(lines)


def bench(
    clip: Path | None = None,
    *,
    seconds: float = 10.0,
    size: tuple[int, int] = (1280, 720),
    bg: str | None = None,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    seq_chunk: int = 4,
    threads: int = 0,
    anonymize: AnonymizeMode = "input",
    smoothing: Smoothing = "adaptive",
    lookahead: int = 3,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> BenchResult:
    """Measure the main job from file to file, and the floor, in one run.

    Args:
        clip: What to process; None films a portrait with a moving camera.
        seconds: Length of the made clip; a named clip is taken as it is.
        size: (width, height) of the made clip.
        bg: Background, see `process`; None takes a picture.
        model: Name or path of the weights.
        device: auto, cpu, cuda, cuda:N or mps.
        runtime: auto, torch or openvino.
        precision: auto, f32, bf16 or f16.
        seq_chunk: Frames per batch of the network.
        threads: CPU threads of each part; 0 lets them choose.
        anonymize: See `process`.
        smoothing: See `process`.
        lookahead: See `process`.
        on_progress: Called after every frame of the main run.
    """
    with tempfile.TemporaryDirectory(prefix="p3mvideo-bench-") as name:
        folder = Path(name)
        path = clip or make_sample_clip(folder / "clip.mp4", width=size[0], height=size[1], seconds=seconds)
        if bg is None:
            write_picture(folder / "background.png", sunset(1280, 720))
            bg = str(folder / "background.png")
        with VideoSource(path) as source:
            info = source.info
        memory, first = _MemoryLog(), _First()

        def watch(progress: Progress) -> None:
            first.mark()
            memory.sample()
            on_progress(progress)

        result = process(
            [str(path)], output=folder / "out.mp4", bg=bg, model=model, device=device, runtime=runtime, precision=precision,
            seq_chunk=seq_chunk, threads=threads, anonymize=anonymize, smoothing=smoothing,
            lookahead=lookahead, listener=ProcessListener(progressed=watch),
        )  # fmt: skip
        for failure in result.failures:
            assert failure.error is not None
            raise failure.error
        run = result.inputs[0].statistics
        assert run is not None
        floor = _floor(path, folder / "floor.mp4")
        what = "the sample clip" if clip is None else clip.name
        rate = f"{float(info.rate):g} frames per second" if info.rate else "variable rate"
        return BenchResult(
            machine(), result.engine, f"{what}: {info.width}x{info.height}, {rate}, {run.frames_in} frames, H.264 to H.264",
            run, floor, first.seconds, memory.result(), _network_times(model, threads),
        )  # fmt: skip


def machine() -> str:
    """Return processor, cores and system in a line."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), name)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = f", {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else ""
    return f"{name}, {cores} cores{gpu}, {platform.system()}, Python {platform.python_version()}"


class _First:
    """Remembers how long the first frame took."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.seconds = 0.0

    def mark(self) -> None:
        self.seconds = self.seconds or time.perf_counter() - self._started


class _MemoryLog:
    """Samples this process's resident memory, once per frame, in memory of its own that grows by 8 bytes a frame."""

    def __init__(self) -> None:
        self._mib: list[float] = []

    def sample(self) -> None:
        try:
            with open("/proc/self/statm", encoding="ascii") as file:
                self._mib.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
        except OSError:
            pass

    def result(self) -> MemoryUse | None:
        third = len(self._mib) // 3
        if not third:
            return None
        return MemoryUse(max(self._mib), statistics.fmean(self._mib[third : 2 * third]), statistics.fmean(self._mib[-third:]))


class _NoMatter:
    """A `Matter` that sees everything as foreground."""

    def __call__(self, images: Sequence[torch.Tensor]) -> list[Matte]:
        return [Matte(torch.ones(1, 1, 1)) for _ in images]


class _NoRefiner:
    """A `Refiner` that leaves the matte as it is."""

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        return matte


class _Unchanged:
    """A `Compositor` that leaves the frame as it is."""

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        return frame


def _floor(path: Path, target: Path) -> RunStatistics:
    """Decode and encode a file through the same threads and queues, with nothing in between."""
    with VideoSource(path) as source:
        sink = open_sink(target, source.info, source=path)
        return Pipeline(
            source=source, anonymizer=NoAnonymizer(), matter=_NoMatter(), matte_stream=Immediate(NoFilter()), refiner=_NoRefiner(),
            outputs=[Output(_Unchanged(), sink)], device=torch.device("cpu"),
        ).run()  # fmt: skip


def _network_times(model: str, threads: int, runs: int = 60) -> tuple[NetworkTime, ...]:
    """Time the network alone in OpenVINO, one picture at a time, in both precisions."""
    times = []
    picture = torch.from_numpy(cv2.resize(sunset(640, 360), NETWORK_SIZE)).permute(2, 0, 1)
    for precision in ("f32", "bf16"):
        try:
            matter = make_matter(model, device="cpu", runtime="openvino", precision=precision, threads=threads, live=True).matter
        except DeviceError:
            continue  # this CPU has no bf16
        took = []
        for _ in range(runs):
            started = time.perf_counter()
            matter([picture])
            took.append((time.perf_counter() - started) * 1000)
        settled = took[runs // 6 :]
        times.append(NetworkTime(precision, float(np.percentile(settled, 50)), float(np.percentile(settled, 95))))
    return tuple(times)
