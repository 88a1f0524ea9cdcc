"""Measure a live run: a clip played in real time as the camera, and a virtual camera that only takes what it is sent.

    python benchmarks/live.py [--minutes 0.5] [--size 1280x720] [--rate 30] [--camera CLIP] [--anonymize input] [--bg BG]

Prints a Markdown table. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyvirtualcam
from pyvirtualcam.camera import BACKENDS

from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.app.live.statistics import LiveFigures, WebcamResult
from p3mvideo.app.live.stop_request import StopRequest
from p3mvideo.app.webcam import webcam
from p3mvideo.datasets.sample_clip import make_sample_clip
from p3mvideo.engine.machine import machine
from p3mvideo.listener import Listener
from p3mvideo.options import EngineOptions
from p3mvideo.pipeline import STAGES, RunStatistics
from p3mvideo.process_memory import resident_mib
from p3mvideo.weights import DEFAULT_MODEL

CLIP_SECONDS = 12


class TakingBackend:
    """A back end of pyvirtualcam that copies each image, as a device does, and remembers when it came."""

    times = array("d")
    """Seconds, of the class: pyvirtualcam makes the object. Small, for the run's memory is measured."""

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None, **_: Any) -> None:
        self._memory = np.empty(width * height * 3, np.uint8)

    def send(self, frame: Any) -> None:
        self._memory[:] = frame
        self.times.append(time.perf_counter())

    def close(self) -> None:
        """Nothing is held."""

    def device(self) -> str:
        return "taking"

    def native_fourcc(self) -> int | None:
        return None


class Printing(Listener):
    """Prints what the user is told."""

    def message(self, text: str) -> None:
        print(text, flush=True)


class Log:
    """What was measured, once a second."""

    def __init__(self) -> None:
        self.figures: list[LiveFigures] = []
        self.memory_mib: list[float] = []
        self.began = threading.Event()

    def take(self, figures: LiveFigures) -> None:
        if figures.state in (LiveState.LIVE, LiveState.DEGRADED):
            self.began.set()
        if self.began.is_set():
            self.figures.append(figures)
            self.memory_mib.append(resident_mib())


def third(values: Sequence[float], number: int) -> float:
    """Return the mean of the first, second or last third."""
    length = max(1, len(values) // 3)
    return statistics.fmean(values[-length:] if number == 2 else values[number * length : (number + 1) * length] or [0.0])


def table(result: WebcamResult, log: Log, *, what: str, seconds: float) -> str:
    """Return everything as Markdown."""
    run: RunStatistics | None = max(result.runs, key=lambda run: run.frames_out, default=None)
    gaps = np.diff(TakingBackend.times) * 1000 if len(TakingBackend.times) > 1 else np.zeros(1)
    states = Counter(figure.state for figure in log.figures)
    network = log.figures[-1].network if log.figures else "none"
    p50s, p95s = ([getattr(figure, name) for figure in log.figures] or [0.0] for name in ("latency_p50_ms", "latency_p95_ms"))
    middle, last = third(log.memory_mib or [0.0], 1), third(log.memory_mib or [0.0], 2)
    lines = [
        f"Machine: {machine()}. {network}. {what}.", "",
        "| | |", "|---|---|",
        f"| images captured, shown, dropped | {result.captured}, {result.shown}, {result.dropped} "
        f"({100 * result.dropped / max(1, result.captured):.2f} %) |",
        f"| shown per second | {result.shown / seconds:.2f} |",
        f"| latency p50, p95 | {result.latency_p50_ms:.1f} ms, {result.latency_p95_ms:.1f} ms |",
        f"| latency p50 of the last seconds, mean by thirds | {', '.join(f'{third(p50s, number):.1f} ms' for number in range(3))} |",
        f"| latency p95 of the last seconds, mean by thirds | {', '.join(f'{third(p95s, number):.1f} ms' for number in range(3))} |",
        f"| between two images sent, p50, p99 | {np.percentile(gaps, 50):.1f} ms, {np.percentile(gaps, 99):.1f} ms |",
        f"| state, looked at about once a second | {', '.join(f'{state.name} {count}' for state, count in states.items())} |",
        f"| quality, from, to | {log.figures[0].quality if log.figures else '-'}, {result.quality} |",
        f"| placeholders in between | {result.placeholders} |",
        f"| memory, middle third, last third | {middle:.0f} MiB, {last:.0f} MiB ({100 * (last / max(1.0, middle) - 1):+.1f} %) |",
        "",
    ]  # fmt: skip
    if run is not None:
        lines.insert(-1, f"| processor time, all threads | {run.processor_seconds / run.total_seconds:.2f} cores |")
        lines += ["| stage | mean ms | p50 | p95 | p99 | processor ms |", "|---|---|---|---|---|---|"]
        for stage in STAGES:
            times = run.stages[stage]
            figures = times.mean_ms, times.p50_ms, times.p95_ms, times.p99_ms, times.processor_ms
            lines.append(f"| {stage} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.5, help="how long, from the first image on")
    parser.add_argument("--size", default="1280x720", help="of the made clip")
    parser.add_argument("--rate", type=Fraction, default=Fraction(30), help="of the made clip, frames per second")
    parser.add_argument("--camera", type=Path, help="a clip of your own")
    parser.add_argument("--bg", default="navy")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--anonymize", choices=("input", "output", "off"), default="input")
    parser.add_argument("--smoothing", choices=("off", "ema", "adaptive"), default="adaptive")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    BACKENDS.clear()
    pyvirtualcam.register_backend("taking", TakingBackend)
    log, stop = Log(), StopRequest()
    width, height = (int(side) for side in options.size.split("x"))

    def end() -> None:
        log.began.wait()
        time.sleep(60 * options.minutes)
        stop.set()

    with tempfile.TemporaryDirectory(prefix="p3mvideo-live-") as folder:
        clip = options.camera or make_sample_clip(Path(folder) / "clip.mp4", width=width, height=height, seconds=CLIP_SECONDS, rate=options.rate)
        threading.Thread(target=end, daemon=True).start()
        result = webcam(
            camera=str(clip), settings={"bg": [options.bg], "anonymize": options.anonymize, "smoothing": options.smoothing}, preview=False,
            engine=EngineOptions(model=options.model, device=options.device, threads=options.threads), profile="none", on_figures=log.take,
            stop=stop, listener=Printing(),
        )  # fmt: skip
    runs_seconds = sum(run.total_seconds for run in result.runs)
    made = f"{options.size} clip of a portrait at {float(options.rate):g} frames per second"
    what = f"{clip.name if options.camera else made}, {runs_seconds / 60:.1f} minutes, faces: {options.anonymize}, "
    print("\n" + table(result, log, what=what + f"smoothing: {options.smoothing}, background: {options.bg}", seconds=runs_seconds))


if __name__ == "__main__":
    main()
