"""Measures what each stage of `process` costs in processor time, with the threads that it starts: one stage after the other, frame by frame.

    python -m benchmarks.stages [CLIP] [--frames N] [--network-region frame] [--background blur]

`p3mvideo bench` tells how fast all stages are together, but not which of them the threads of decoder, network, detector and encoder work for.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import get_args

import cv2
import torch

from p3mvideo.app.demo import sunset
from p3mvideo.compose import Background, BlurBackground, ForegroundEstimator, ImageBackground, ReplaceBackground
from p3mvideo.datasets.sample_clip import make_sample_clip
from p3mvideo.engine import GuidedRefiner, load_engine, make_stream_network
from p3mvideo.frame import Face, Frame
from p3mvideo.io.open_sink import open_sink
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.matte import Matte
from p3mvideo.options import EngineOptions, SmoothingOptions
from p3mvideo.options.engine import NetworkRegion
from p3mvideo.pipeline import restore_faces
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.temporal import make_matte_stream

WARM_UP_FRAMES = 5
"""Frames that are not counted: models wake up and memory is taken."""


def measure(clip: Path, target: Path, frames: int, region: NetworkRegion, background: Background) -> dict[str, float]:
    """Return the processor time of each stage, of all threads, in ms per frame."""
    spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        started = time.process_time()
        yield
        spent[name] += time.process_time() - started

    network = make_stream_network(load_engine(), EngineOptions(network_region=region, seq_chunk=1), SmoothingOptions())
    stream, refiner = make_matte_stream(), GuidedRefiner()
    compositor = ReplaceBackground(background, ForegroundEstimator())
    waiting: deque[tuple[Face, ...]] = deque()
    with ExitStack() as opened:
        source = opened.enter_context(VideoSource(clip, threads=1))
        anonymizer = opened.enter_context(closing(make_anonymizer()))
        sink = opened.enter_context(closing(open_sink(target, source.info, source=clip)))

        def finish(steadied: Sequence[tuple[Frame, Matte]]) -> None:
            for frame, matte in steadied:
                with stage("refine"):
                    refined = refiner(frame, matte)
                with stage("compose"):
                    composed = compositor(restore_faces(frame, waiting.popleft()), refined)
                with stage("encode"):
                    sink.write(composed)

        images = iter(source)
        for number in range(WARM_UP_FRAMES + frames):
            if number == WARM_UP_FRAMES:
                spent.clear()
            with stage("decode"):
                frame = next(images)
            with stage("anonymize"):
                frame, faces = anonymizer(frame)
            waiting.append(faces)
            with stage("network"):
                (matte,) = network([frame])
            with stage("smooth"):
                steadied = stream.push(frame, matte)
            finish(steadied)
        finish(stream.flush())
    return {name: 1000 * seconds / frames for name, seconds in spent.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, nargs="?")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--network-region", choices=get_args(NetworkRegion), default="auto", help="where the network looks")
    parser.add_argument("--background", choices=("image", "blur"), default="image")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        seconds = (options.frames + WARM_UP_FRAMES) / 25
        clip = options.clip or make_sample_clip(Path(name) / "clip.mp4", width=1280, height=720, seconds=seconds)
        background = BlurBackground() if options.background == "blur" else ImageBackground(sunset(1280, 720))
        costs = measure(clip, Path(name) / "out.mp4", options.frames, options.network_region, background)
    costs["all"] = sum(costs.values())
    print(f"| {' | '.join(costs)} |\n{'|---' * len(costs)}|\n| {' | '.join(f'{ms:.1f}' for ms in costs.values())} |")


if __name__ == "__main__":
    main()
