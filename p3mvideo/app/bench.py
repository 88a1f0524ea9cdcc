"""`p3mvideo bench`: what the main job costs on this machine, stage by stage, beside the floor of merely decoding and encoding."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from p3mvideo.app.demo import sunset
from p3mvideo.app.process.run import process
from p3mvideo.datasets.sample_clip import make_sample_clip
from p3mvideo.engine import load_engine
from p3mvideo.engine.machine import machine
from p3mvideo.errors import DeviceError
from p3mvideo.frame import Frame
from p3mvideo.io.open_sink import open_sink
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.listener import Listener
from p3mvideo.matte import Matte
from p3mvideo.ops.contact_sheet import write_image
from p3mvideo.options import EngineOptions, FaceOptions, SmoothingOptions
from p3mvideo.options.engine import Precision
from p3mvideo.pipeline import Output, Pipeline, RunStatistics
from p3mvideo.privacy.anonymizer import NoAnonymizer
from p3mvideo.process_memory import resident_mib
from p3mvideo.temporal import Immediate, NoFilter

NETWORK_SIZE = (512, 288)
"""Working size, (width, height), at which the network alone is timed."""


@dataclass(frozen=True)
class NetworkTime:
    """The network alone, one image at a time, at `NETWORK_SIZE`."""

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
        lines.append(f"processor time of the floor: {self.floor.processor_ms:.1f} ms per frame; of the run: {self.run.processor_ms:.1f}")
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
    background: str | None = None,
    engine: EngineOptions = EngineOptions(),
    faces: FaceOptions = FaceOptions(),
    smoothing: SmoothingOptions = SmoothingOptions(),
    listener: Listener | None = None,
) -> BenchResult:
    """Measure the main job from file to file, and the floor, in one run.

    Args:
        clip: What to process; None films a portrait with a moving camera.
        seconds: Length of the made clip; a named clip is taken as it is.
        size: (width, height) of the made clip.
        background: See `process`; None takes an image.
        engine: Which network computes the mattes, and how.
        faces: From whom faces are hidden.
        smoothing: How mattes are smoothed over time.
        listener: Hears how the main run goes on.
    """
    with tempfile.TemporaryDirectory(prefix="p3mvideo-bench-") as name:
        folder = Path(name)
        path = clip or make_sample_clip(folder / "clip.mp4", width=size[0], height=size[1], seconds=seconds)
        if background is None:
            write_image(folder / "background.png", sunset(1280, 720))
            background = str(folder / "background.png")
        with VideoSource(path) as source:
            info = source.info
        watch = _Watch(listener or Listener())
        result = process([path], output=folder / "out.mp4", background=background, engine=engine, faces=faces, smoothing=smoothing, listener=watch)
        result.raise_for_errors()
        run = result.inputs[0].statistics
        assert run is not None
        floor = _floor(path, folder / "floor.mp4")
        what = "the sample clip" if clip is None else clip.name
        rate = f"{float(info.rate):g} frames per second" if info.rate else "variable rate"
        return BenchResult(
            machine(), result.engine, f"{what}: {info.width}x{info.height}, {rate}, {run.frames_in} frames, H.264 to H.264",
            run, floor, watch.seconds, watch.memory.result(), _network_times(engine),
        )  # fmt: skip


class _Watch(Listener):
    """Passes everything on, and remembers how long the first frame took and what memory was in use."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._started = time.perf_counter()
        self.seconds = 0.0
        self.memory = _MemoryLog()

    def message(self, text: str) -> None:
        self._listener.message(text)

    def begin(self, task: str, total: int | None = None, *, done: int = 0, number: int = 1, of: int = 1) -> None:
        self._listener.begin("bench", total, done=done)

    def advance(self, done: int) -> None:
        self.seconds = self.seconds or time.perf_counter() - self._started
        self.memory.sample()
        self._listener.advance(done)

    def end(self, *, failed: bool = False) -> None:
        self._listener.end(failed=failed)


class _MemoryLog:
    """Samples this process's resident memory, once per frame, in memory of its own that grows by 8 bytes a frame."""

    def __init__(self) -> None:
        self._mib: list[float] = []

    def sample(self) -> None:
        if mib := resident_mib():
            self._mib.append(mib)

    def result(self) -> MemoryUse | None:
        third = len(self._mib) // 3
        if not third:
            return None
        return MemoryUse(max(self._mib), statistics.fmean(self._mib[third : 2 * third]), statistics.fmean(self._mib[-third:]))


def _all_foreground(frames: Sequence[Frame]) -> list[Matte | None]:
    """Stand in for a network: everything is foreground."""
    return [Matte(np.ones((1, 1, 1), np.float32)) for _ in frames]


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
            source=source, anonymizer=NoAnonymizer(), network=_all_foreground, matte_stream=Immediate(NoFilter()), refiner=_NoRefiner(),
            outputs=[Output(_Unchanged(), sink)], device="cpu",
        ).run()  # fmt: skip


def _network_times(engine: EngineOptions, runs: int = 60) -> tuple[NetworkTime, ...]:
    """Time the network alone in OpenVINO, one image at a time, in both precisions."""
    times = []
    image = np.asarray(cv2.resize(sunset(640, 360), NETWORK_SIZE), np.uint8)
    precisions: tuple[Precision, ...] = ("f32", "bf16")
    for precision in precisions:
        try:
            alone = replace(engine, device="cpu", runtime="openvino", precision=precision, downsample_ratio="auto")
            network = load_engine(alone, live=True).engine
        except DeviceError:
            continue  # this CPU has no bf16
        took = []
        for _ in range(runs):
            started = time.perf_counter()
            network([image])
            took.append((time.perf_counter() - started) * 1000)
        settled = took[runs // 6 :]
        times.append(NetworkTime(precision, float(np.percentile(settled, 50)), float(np.percentile(settled, 95))))
    return tuple(times)
