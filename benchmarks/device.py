"""Measure what follows the camera on a device: upload, network, smoothing, refinement, compositing. No faces are looked for, nothing is written.

    python benchmarks/device.py [--device cuda] [--size 1920x1080] [--precision f16] [--frames 600] [--seq-chunk 4]

Prints a Markdown table. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import torch

from p3mvideo.app.bench import machine
from p3mvideo.compose import ColourBackground, ForegroundEstimator, ReplaceBackground
from p3mvideo.datasets.sample_clip import sample_portrait
from p3mvideo.engine import GuidedRefiner, load_engine
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.options import EngineOptions, FaceOptions, SmoothingOptions
from p3mvideo.pipeline import STAGES, Output, Pipeline
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.temporal import make_matte_stream
from p3mvideo.weights import DEFAULT_MODEL

RATE = Fraction(30)
STEP_PX = 4
"""How far the portrait moves from one frame to the next."""
PLACES = 16
"""After this many frames it is back."""


class MovingPortrait:
    """A `FrameSource` of images that lie ready in memory, as fast as they are taken."""

    def __init__(self, width: int, height: int, frames: int) -> None:
        portrait = np.asarray(cv2.resize(sample_portrait(), (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        self._images = [np.ascontiguousarray(np.roll(portrait, STEP_PX * min(place, PLACES - place), 1)) for place in range(PLACES)]
        self._frames = frames
        self.info = StreamInfo(width, height, RATE, frames=frames)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is held."""

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self._frames):
            yield Frame.from_interleaved(self._images[number % PLACES], number, 1 / RATE)


class Taker:
    """A `FrameSink` that waits until each image is complete."""

    def write(self, frame: Frame) -> None:
        frame.image.cpu()

    def finish(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--precision", choices=("auto", "f32", "bf16", "f16"), default="auto", help="auto takes f16 with CUDA")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--seq-chunk", type=int, default=4, help="frames in a batch of the network")
    parser.add_argument("--smoothing", choices=("off", "ema", "adaptive"), default="adaptive")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    loaded = load_engine(EngineOptions(model=options.model, device=options.device, precision=options.precision))
    for frames in (4 * options.seq_chunk, options.frames):  # the first round is for compilers and caches
        statistics = Pipeline(
            source=MovingPortrait(width, height, frames),
            anonymizer=make_anonymizer(FaceOptions(anonymize="off")),
            engine=loaded.engine,
            matte_stream=make_matte_stream(SmoothingOptions(smoothing=options.smoothing, lookahead=0)),
            refiner=GuidedRefiner(),
            outputs=[Output(ReplaceBackground(ColourBackground((0, 0, 96)), ForegroundEstimator()), Taker())],
            device=loaded.device,
            seq_chunk=options.seq_chunk,
        ).run()
    print(f"Machine: {machine()}. {loaded.description}. {options.size}, smoothing: {options.smoothing}, {options.seq_chunk} frames in a batch.\n")
    print(f"{statistics.frames_out / statistics.total_seconds:.1f} frames per second\n")
    print("| stage | mean ms | p50 | p95 | p99 | processor ms |\n|---|---|---|---|---|---|---|")
    for stage in STAGES:
        times = statistics.stages[stage]
        print(f"| {stage} | {times.mean_ms:.2f} | {times.p50_ms:.2f} | {times.p95_ms:.2f} | {times.p99_ms:.2f} | {times.processor_ms:.2f} |")
    if loaded.device.type == "cuda":
        print(f"\nPeak of GPU memory: {torch.cuda.max_memory_allocated() / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
