"""Measures how the main job grows with the size of the video and with the number of threads: `p3mvideo bench` for each, as processes of their own.

    python -m benchmarks.growth [--sizes WxH ...] [--threads N ...] [--frames N] [-- OPTIONS OF BENCH]

Prints a Markdown table. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

from p3mvideo.datasets.sample_clip import RATE

SIZES = ("640x360", "1280x720", "1920x1080", "3840x2160")


def rows(sizes: Sequence[str], threads: Sequence[int], frames: int, options: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| size | threads | frames per second | processor ms per frame | per megapixel | times the floor | peak memory, MiB |"
    yield "|---|---|---|---|---|---|---|"
    for size in sizes:
        width, height = map(int, size.split("x"))
        for number in threads:
            command = [sys.executable, "-m", "p3mvideo", "bench", "--json", "--progress", "none", "--size", size, "--threads", str(number)]
            command += ["--seconds", str(max(1.0, float(frames / RATE))), *options]
            printed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
            values = json.loads(printed)
            cost = values["run"]["processor_ms"]
            speed, floor, memory = values["run"]["frames_per_second"], values["times_floor"], values["memory"]["peak_mib"]
            yield f"| {size} | {number} | {speed:.1f} | {cost:.1f} | {cost / (width * height / 1e6):.1f} | {floor:.2f} | {memory:.0f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WxH")
    parser.add_argument("--threads", nargs="+", type=int, default=(1, 2, 4), metavar="N")
    parser.add_argument("--frames", type=int, default=120, help="of each clip")
    parser.add_argument("options", nargs="*", help="options of bench, after --")
    options = parser.parse_args()
    for row in rows(options.sizes, options.threads, options.frames, options.options):
        print(row, flush=True)


if __name__ == "__main__":
    main()
