"""Times `anonymize` beside its floor: the same file decoded twice and encoded once. Prints a table.

    python -m benchmarks.faces.anonymize_floor [CLIP] [--seconds 20] [--turns 3] [--review none]

Both go in turns, in this process; models are loaded in every turn. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from p3mvideo.app.anonymize.run import anonymize
from p3mvideo.datasets.sample_clip import make_sample_clip
from p3mvideo.engine.machine import machine
from p3mvideo.io.open_sink import open_sink
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.options import ReviewOptions, WriteOptions

WRITING = WriteOptions(overwrite=True)


def floor(clip: Path, target: Path) -> None:
    """Decode a file, then decode it again and encode it."""
    with VideoSource(clip) as source:
        for _ in source:
            pass
    with VideoSource(clip) as source, closing(open_sink(target, source.info, WRITING, source=clip)) as sink:
        for frame in source:
            sink.write(frame)
        sink.finish()


def timed(job: Callable[[], None]) -> tuple[float, float]:
    """Return seconds, and seconds of processor time of all threads."""
    started, worked = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - started, time.process_time() - worked


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, nargs="?", help="by default a portrait before a moving camera, 1280x720")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the made clip")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--review", choices=("both", "none"), default="both", help="what is written for a person to look at")
    options = parser.parse_args()
    review = ReviewOptions(review=options.review)
    with tempfile.TemporaryDirectory(prefix="p3mvideo-floor-") as name:
        folder = Path(name)
        clip = options.clip or make_sample_clip(folder / "clip.mp4", width=1280, height=720, seconds=options.seconds)
        floors, runs = [], []
        for _ in range(options.turns):
            floors.append(timed(lambda: floor(clip, folder / "floor.mp4")))
            runs.append(timed(lambda: anonymize([clip], output=folder / "out.mp4", writing=WRITING, review=review).raise_for_errors()))
        with VideoSource(clip) as source:
            frames = sum(1 for _ in source)
    print(f"Machine: {machine()}. {frames} frames, {options.turns} turns\n")
    print("| | seconds | seconds of processor time | ms of processor time a frame |\n|---|---|---|---|")
    for what, times in (("two decodes and one encode", floors), ("`anonymize`", runs)):
        wall, worked = (median(column) for column in zip(*times, strict=True))
        print(f"| {what} | {wall:.2f} | {worked:.2f} | {1000 * worked / frames:.1f} |")
    ratios = [median(run[i] / base[i] for run, base in zip(runs, floors, strict=True)) for i in range(2)]
    print(f"| times the floor | {ratios[0]:.2f} | {ratios[1]:.2f} | |")


if __name__ == "__main__":
    main()
