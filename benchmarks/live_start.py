"""Measure how soon `p3mvideo webcam` shows its first matted image: the command as a user starts it, each time a new process.

    python -m benchmarks.live_start [--runs 5] [--size 1280x720] [-- --anonymize output ...]

A clip is the camera. In place of the virtual camera stands a module of the same name that reports the first image that differs from the
placeholder. Prints JSON: wall clock from the start of the process, and the processor time of all its threads until then. The first run is
told apart: it reads everything from disk, and converts the network if need be. The wall clock means something only on an idle machine, or with more
priority than what runs beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from p3mvideo.datasets.sample_clip import make_sample_clip
from p3mvideo.engine.machine import machine

CLIP_SECONDS = 4
STAND_IN = """
import enum, time

class PixelFormat(enum.Enum):
    RGB = "rgb"

class Camera:
    device = backend = "stand-in"

    def __init__(self, *_, **__):
        self._placeholder = None

    def send(self, pixels):
        if self._placeholder is None:
            self._placeholder = pixels.copy()
        elif (pixels != self._placeholder).any():
            print("first image", time.monotonic(), time.process_time(), flush=True)
            self.send = lambda pixels: None

    def close(self):
        pass
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", default="1280x720", help="of the clip")
    parser.add_argument("options", nargs="*", help="of p3mvideo webcam")
    given = parser.parse_args()
    width, height = (int(side) for side in given.size.split("x"))
    with tempfile.TemporaryDirectory(prefix="p3mvideo-start-") as name:
        folder = Path(name)
        clip = make_sample_clip(folder / "clip.mp4", width=width, height=height, seconds=CLIP_SECONDS)
        package = folder / "modules" / "pyvirtualcam"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(STAND_IN)
        (package / "camera.py").write_text('BACKENDS = {"stand-in": None}\n')
        first, *runs = [first_image(clip, package.parent, given.options) for _ in range(given.runs + 1)]
    wall, processor = (sorted(times) for times in zip(*runs, strict=True))
    account = {
        "machine": machine(),
        "first run, wall and processor seconds": [round(seconds, 2) for seconds in first],
        "wall seconds, median and all": [round(statistics.median(wall), 2), [round(seconds, 2) for seconds in wall]],
        "processor seconds, median and all": [round(statistics.median(processor), 2), [round(seconds, 2) for seconds in processor]],
    }  # fmt: skip
    print(json.dumps(account, indent=1))


def first_image(clip: Path, modules: Path, options: list[str]) -> tuple[float, float]:
    """Start the command, and end it after its first matted image; return wall clock and processor time until then, in seconds."""
    path = os.pathsep.join([str(modules), os.environ.get("PYTHONPATH", os.getcwd())])
    command = [sys.executable, "-m", "p3mvideo", "webcam", "--camera", str(clip), "--no-preview", "--profile", "none", "--virtual-camera", "stand-in"]
    began = time.monotonic()
    with subprocess.Popen([*command, *options], env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("first image"):
                at, processor = (float(word) for word in line.split()[2:])
                process.terminate()
                return at - began, processor
    raise SystemExit("the command ended without a matted image")


if __name__ == "__main__":
    main()
