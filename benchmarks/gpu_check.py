"""Check all that runs on a GPU, in some minutes: what it computes, and how fast.

    python -m benchmarks.gpu_check [--device cuda] [--seconds 10] > gpu.md

Prints Markdown: how far mattes are from those of the CPU; frames a second of the network alone, with and without CUDA graphs, of the pipeline
from tensor to tensor, and from file to file; which hardware encoders and decoders open; and the tests that need a GPU. A part that fails is reported
and the others go on; the exit code is then 1. What a machine lacks (PyAV, pytest) is said. Nothing else should run meanwhile. `--dry` goes through
on the CPU with small images, as the tests do.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import cv2
import numpy as np
import torch
from torch import Tensor

from p3mvideo.compose import ColourBackground, ForegroundEstimator, ReplaceBackground
from p3mvideo.engine import GuidedRefiner, StreamNetwork, load_engine
from p3mvideo.engine.machine import machine
from p3mvideo.errors import P3MVideoError
from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.ops.normalise import normalise
from p3mvideo.options import EngineOptions, FaceOptions, SmoothingOptions
from p3mvideo.pipeline import STAGES, Output, Pipeline
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.temporal import make_matte_stream
from p3mvideo.weights import DEFAULT_MODEL, find_weights
from p3mvideo.weights.network import load_network

Precision = Literal["f32", "f16", "bf16"]
RATE: Final = Fraction(30)
STEP_PX: Final = 4
"""How far the portrait moves from one frame to the next."""
PLACES: Final = 16
"""After this many frames it is back."""
SIZES: Final = ((1280, 720), (1920, 1080), (3840, 2160))
DRY_SIZES: Final = ((160, 96),)
WORKING_SIZE: Final = (512, 288)
BATCHES: Final = (1, 4, 16)
LARGEST_MEAN: Final = {"f32": 1e-4, "f16": 2e-3, "bf16": 1e-2}
"""By how much mattes may differ from those of the CPU in f32, in the mean of an image."""


@dataclass(frozen=True)
class Check:
    """What is checked, and how thoroughly."""

    device: torch.device
    model: str
    seconds: float
    """How long each speed is measured."""
    is_dry: bool

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        return DRY_SIZES if self.is_dry else SIZES

    @property
    def precisions(self) -> tuple[Precision, ...]:
        return ("f32",) if self.device.type == "cpu" else ("f32", "f16", "bf16")

    def rate(self, step: Callable[[], object], per_step: int) -> float:
        """Return images a second of a step that works on some images."""
        for _ in range(1 if self.is_dry else 10):
            step()
        self._wait()
        began, steps = time.perf_counter(), 0
        while steps == 0 or time.perf_counter() - began < self.seconds:
            for _ in range(1 if self.is_dry else 10):
                step()
                steps += 1
            self._wait()
        return steps * per_step / (time.perf_counter() - began)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class MovingPortrait:
    """A `FrameSource` of images that lie ready in memory, as fast as they are taken, for a time."""

    def __init__(self, width: int, height: int, seconds: float) -> None:
        self._images = portraits(width, height)
        self._seconds = seconds
        self.info = StreamInfo(width, height, RATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is held."""

    def __iter__(self) -> Iterator[Frame]:
        began, number = time.perf_counter(), 0
        while number < PLACES or time.perf_counter() - began < self._seconds:
            yield Frame.from_interleaved(self._images[number % PLACES], number, 1 / RATE)
            number += 1


class Taker:
    """A `FrameSink` that waits until each image is complete."""

    def write(self, frame: Frame) -> None:
        frame.image.cpu()

    def finish(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is held."""


def portraits(width: int, height: int) -> list[UInt8Array]:
    """Return images of a drawn figure that moves to and fro, uint8 RGB (H, W, 3)."""
    ramp = np.linspace(90, 200, width, dtype=np.float32)
    image = np.repeat(np.stack([ramp, ramp[::-1], np.full_like(ramp, 150)], axis=1)[None], height, axis=0).astype(np.uint8)
    cv2.ellipse(image, (width // 2, height), (height // 2, int(0.45 * height)), 0, 0, 360, (40, 50, 90), -1, cv2.LINE_AA)
    cv2.ellipse(image, (width // 2, int(0.4 * height)), (int(0.16 * height), int(0.22 * height)), 0, 0, 360, (205, 160, 130), -1, cv2.LINE_AA)
    cv2.ellipse(image, (width // 2, int(0.32 * height)), (int(0.18 * height), int(0.18 * height)), 0, 180, 360, (50, 35, 30), -1, cv2.LINE_AA)
    image = cv2.add(image, np.random.default_rng(0).integers(0, 12, image.shape, np.uint8))
    return [np.ascontiguousarray(np.roll(image, STEP_PX * min(place, PLACES - place), 1), np.uint8) for place in range(PLACES)]


def correctness(check: Check) -> Iterator[str]:
    """Yield how far mattes are from those of PyTorch on the CPU in 32 bits."""
    yield "| precision | size | mean alpha | mean difference | 99.9th percentile | allowed mean | |\n|---|---|---|---|---|---|---|"
    reference = load_engine(EngineOptions(model=check.model, device="cpu", precision="f32", runtime="torch"))
    wrong = 0
    for precision in check.precisions:
        loaded = load_engine(EngineOptions(model=check.model, device=str(check.device), precision=precision, runtime="torch"))
        for width, height in check.sizes[:2]:
            images = [torch.from_numpy(image).permute(2, 0, 1) for image in portraits(width, height)[:4]]
            expected = torch.stack([matte.alpha for matte in reference(images)])
            found = torch.stack([matte.alpha.cpu() for matte in loaded([image.to(check.device) for image in images])])
            difference = (found - expected).abs()
            mean = float(difference.mean(dim=(1, 2, 3)).max())
            allowed = LARGEST_MEAN[precision]
            shown = float(expected.mean())
            wrong += mean > allowed or not 0.02 < shown < 0.9
            yield (
                f"| {precision} | {width}x{height} | {shown:.2f} | {mean:.5f} | {float(np.quantile(difference.numpy(), 0.999)):.5f} | {allowed} "
                f"| {'ok' if mean <= allowed else 'TOO FAR'} |"
            )
    if wrong:
        raise P3MVideoError(f"{wrong} of the mattes are too far from the CPU's")


def network_alone(check: Check) -> Iterator[str]:
    """Yield the speed of the network at its working size, from normalised images to alpha, both on the device."""
    yield f"Images of {WORKING_SIZE[0]}x{WORKING_SIZE[1]} a second.\n\n| precision | batch | step by step | CUDA graph |\n|---|---|---|---|"
    network = load_network(find_weights(check.model)).eval().to(check.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    width, height = DRY_SIZES[0] if check.is_dry else WORKING_SIZE
    for precision in check.precisions:
        for batch in BATCHES[: 1 if check.is_dry else None]:
            pixels = torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image in islice(portraits(width, height), batch)]).to(check.device)
            images = normalise(pixels).contiguous(memory_format=torch.channels_last)
            forward = _forward(network, images, {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[precision])
            with torch.inference_mode():
                alone = check.rate(forward, batch)
                graph = f"{check.rate(_graph(forward).replay, batch):.0f}" if check.device.type == "cuda" else "-"
            yield f"| {precision} | {batch} | {alone:.0f} | {graph} |"


def _forward(network: torch.nn.Module, images: Tensor, precision: torch.dtype) -> Callable[[], object]:
    def forward() -> object:
        with torch.autocast(images.device.type, precision, enabled=precision != torch.float32, cache_enabled=False):
            return network(images).alpha

    return forward


def _graph(forward: Callable[[], object]) -> torch.cuda.CUDAGraph:
    """Record a forward pass, after the ones that choose kernels."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            forward()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        forward()
    return graph


def tensor_to_tensor(check: Check) -> Iterator[str]:
    """Yield what follows the decoder: upload, network, smoothing, refinement, compositing. No faces are looked for, nothing is written."""
    yield "| size | frames in a batch | frames a second | GPU memory, MiB | ms in the mean: " + ", ".join(STAGES) + " |\n|---|---|---|---|---|"
    loaded = load_engine(EngineOptions(model=check.model, device=str(check.device), runtime="torch"))
    for width, height in check.sizes:
        for chunk in (1, 4):
            if check.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(check.device)
            for seconds in (0.0, check.seconds):  # the first round is for compilers and caches
                run = Pipeline(
                    source=MovingPortrait(width, height, seconds), anonymizer=make_anonymizer(FaceOptions(anonymize="off")),
                    network=StreamNetwork(loaded.engine), matte_stream=make_matte_stream(SmoothingOptions(lookahead=0)), refiner=GuidedRefiner(),
                    outputs=[Output(ReplaceBackground(ColourBackground((0, 0, 96)), ForegroundEstimator()), Taker())],
                    device=loaded.device, seq_chunk=chunk,
                ).run()  # fmt: skip
            memory = f"{torch.cuda.max_memory_allocated(check.device) / 2**20:.0f}" if check.device.type == "cuda" else "-"
            stages = ", ".join(f"{run.stages[stage].mean_ms:.1f}" for stage in STAGES)
            yield f"| {width}x{height} | {chunk} | {run.frames_out / run.total_seconds:.1f} | {memory} | {stages} |"


def file_to_file(check: Check) -> Iterator[str]:
    """Yield the speed of `process` with its defaults, start-up included, and which encoders and decoders in hardware open."""
    if find_spec("av") is None or find_spec("mediapipe") is None:
        yield "PyAV or MediaPipe is not installed here: left out."
        return
    import av.codec.hwaccel

    import p3mvideo
    from p3mvideo.datasets.sample_clip import make_sample_clip
    from p3mvideo.io.video.write.hardware import HARDWARE, failure_of

    yield "| size | frames a second |\n|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        for width, height in check.sizes:
            clip = Path(folder) / f"{width}.mp4"
            make_sample_clip(clip, width=width, height=height, seconds=0.2 if check.is_dry else 10.0)
            result = p3mvideo.process(
                [clip], background="#305070", engine=EngineOptions(model=check.model, device=str(check.device)),
                faces=FaceOptions(anonymize="off" if check.is_dry else "input"),
            )  # fmt: skip
            result.raise_for_errors()
            (done,) = result.inputs
            assert done.statistics is not None
            yield f"| {width}x{height} | {done.statistics.frames_out / done.statistics.total_seconds:.1f} |"
    yield "\n| in hardware | opens |\n|---|---|"
    for name in HARDWARE:
        yield f"| encoder {name} | {failure_of(name, 1280, 720) or 'yes'} |"
    yield f"| decoders in this FFmpeg | {', '.join(av.codec.hwaccel.hwdevices_available()) or 'none'} |"


def gpu_tests(check: Check) -> Iterator[str]:
    """Yield what the tests that need a GPU say."""
    if find_spec("pytest") is None:
        yield "pytest is not installed here: left out."
        return
    # These files alone: collecting all tests takes half a minute.
    files = sorted(str(path) for path in Path("tests").rglob("test_*.py") if "mark.gpu" in path.read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-m", "gpu", *files]
    if check.is_dry:
        command.append("--collect-only")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    yield "\n".join(f"    {line}" for line in done.stdout.splitlines()[-12:])
    if done.returncode:
        raise P3MVideoError(f"the tests ended with exit code {done.returncode}")


PARTS: Final[dict[str, Callable[[Check], Iterator[str]]]] = {
    "Correctness": correctness,
    "Network alone": network_alone,
    "Tensor to tensor": tensor_to_tensor,
    "File to file": file_to_file,
    "Tests": gpu_tests,
}


def run(check: Check, parts: Sequence[str] = tuple(PARTS)) -> int:
    """Print all parts; return how many have failed."""
    failed = 0
    print(f"Machine: {machine()}. PyTorch {torch.__version__}, CUDA {torch.version.cuda}. Network: {check.model}.", flush=True)
    for title in parts:
        print(f"\n## {title}\n", flush=True)
        began = time.perf_counter()
        try:
            for line in PARTS[title](check):
                print(line, flush=True)
        except Exception as error:  # whatever it is, the other parts are still worth their minutes
            failed += 1
            print(f"\nFAILED: {type(error).__name__}: {error}", flush=True)
        print(f"\n({time.perf_counter() - began:.0f} s)", flush=True)
    return failed


def main() -> None:
    """Check and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each speed")
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="may be given several times")
    parser.add_argument("--dry", action="store_true", help="on the CPU, with small images")
    given = parser.parse_args()
    check = Check(torch.device("cpu" if given.dry else given.device), given.model, 0.0 if given.dry else given.seconds, given.dry)
    sys.exit(1 if run(check, given.only or tuple(PARTS)) else 0)


if __name__ == "__main__":
    main()
