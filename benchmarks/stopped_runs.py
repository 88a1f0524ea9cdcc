"""Runs that are killed at random moments and started again, compared with unbroken ones.

    python -m benchmarks.stopped_runs clips --count 60 --kills 20 --jobs 2      # a folder, one clip damaged, one that ends its worker
    python -m benchmarks.stopped_runs long --seconds 600 --kills 10 --jobs 2    # one video in segments; also against one piece

`clips` asks whether every output is the unbroken run's, frame by frame and packet by packet, and how many inputs were begun more than once.
`long` asks the same of one video, and what segments cost. Times are ratios within this run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.video.write.sink import VideoSink
from p3mvideo.ops.opencv import read_image_file

RATE = 25
COMMON = ("--bg", "#305070", "--anonymize", "off", "--threads", "1", "--progress", "json")

CRASH = """
import os, sys
def hook(event, arguments):
    if event == "open" and str(arguments[0]) == {!r} and arguments[1] == "rb" and "workers.worker_process" in " ".join(sys.orig_argv):
        os.kill(os.getpid(), 11)
sys.addaudithook(hook)
"""
"""Ends a worker process that opens a certain file, as a broken decoder would."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("clips", "long"))
    parser.add_argument("--portrait", type=Path, required=True, help="an image of a person, which moves in the clips")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--size", type=int, default=160, help="longer side of the clips in pixels")
    parser.add_argument("--anonymize", default="off", help="as for process")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stopped-") as name:
        folder = Path(name)
        print(json.dumps(clips(folder, given) if given.what == "clips" else long(folder, given), indent=1))


def clips(folder: Path, given: argparse.Namespace) -> dict[str, object]:
    """Return the account of a folder of clips."""
    inputs = folder / "in"
    inputs.mkdir()
    for number in range(given.count):
        make_clip(inputs / f"{number:03}.mp4", given.portrait, frames=10 + number % 15, size=given.size, start=number)
    damaged = inputs / "001.mp4"
    damaged.write_bytes(damaged.read_bytes()[:200])
    crashing = str(inputs / "002.mp4")
    options = ["--resume", "--jobs", str(given.jobs), "--anonymize", given.anonymize]
    began = time.monotonic()
    unbroken = run([str(inputs), "-o", str(folder / "unbroken"), *options], crashing=crashing)
    unbroken.wait()
    unbroken_seconds = time.monotonic() - began
    draw, report = random.Random(1), folder / "report.json"
    for _ in range(given.kills):
        process = run([str(inputs), "-o", str(folder / "broken"), *options], crashing=crashing)
        kill_after(process, draw.uniform(0.1, 1.2) * unbroken_seconds / 4)
    last = run([str(inputs), "-o", str(folder / "broken"), *options, "--report", str(report)], crashing=crashing)
    last.wait()
    names = sorted(path.name for path in (folder / "unbroken").glob("*.mp4"))
    states = [entry["note"] or ("failed" if entry["error"] else "done") for entry in json.loads(report.read_text())["inputs"]]
    return {
        "outputs": len(names),
        "outputs of the broken run": len(list((folder / "broken").glob("*.mp4"))),
        "identical": sum(packets(folder / "broken" / name) == packets(folder / "unbroken" / name) for name in names),
        "unbroken run, seconds": round(unbroken_seconds, 1),
        "what the last run found": {state: states.count(state) for state in set(states)},
        "parts and claims left": [path.name for path in (folder / "broken").rglob("*") if path.suffix in (".part", ".claim")],
    }


def long(folder: Path, given: argparse.Namespace) -> dict[str, object]:
    """Return the account of one long video."""
    clip = folder / "long.mp4"
    make_clip(clip, given.portrait, frames=round(given.seconds * RATE), size=given.size)
    options = ["--codec", "ffv1", "--anonymize", given.anonymize]
    times = {}
    for name, more in (("whole", []), ("segments", ["--resume", "--jobs", str(given.jobs)])):
        began = time.monotonic()
        run([str(clip), "-o", str(folder / f"{name}.mkv"), *options, *more]).wait()
        times[name] = time.monotonic() - began
    draw = random.Random(2)
    for _ in range(given.kills):
        process = run([str(clip), "-o", str(folder / "broken.mkv"), *options, "--resume", "--jobs", str(given.jobs)])
        kill_after(process, draw.uniform(0.05, 0.4) * times["segments"])
    run([str(clip), "-o", str(folder / "broken.mkv"), *options, "--resume", "--jobs", str(given.jobs)]).wait()
    return {
        "frames": round(given.seconds * RATE),
        "largest difference of segments and one piece, of 255": difference(folder / "segments.mkv", folder / "whole.mkv"),
        "largest difference of the killed run and the unbroken one": difference(folder / "broken.mkv", folder / "segments.mkv"),
        "time in segments over time in one piece": round(times["segments"] / times["whole"], 3),
    }


def run(options: list[str], *, crashing: str = "") -> subprocess.Popen[bytes]:
    """Start `process`. An input named `crashing` ends its worker when it is opened."""
    code = "import sys; from p3mvideo.cli import main; main()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if crashing:
        site = Path(tempfile.gettempdir()) / f"stopped-runs-site-{os.getpid()}"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(CRASH.format(crashing))
        environment["PYTHONPATH"] = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", os.getcwd())])
    command = [sys.executable, "-c", code, "process", *COMMON, *options]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Kill a run, unless it has ended by then."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def make_clip(path: Path, portrait: Path, *, frames: int, size: int, start: int = 0) -> None:
    """Write a portrait that moves."""
    image = cv2.cvtColor(read_image_file(portrait), cv2.COLOR_BGR2RGB)
    scale = 1.25 * size / max(image.shape[:2])
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = (int(side / 1.25) // 2 * 2 for side in large.shape[:2])
    sink = VideoSink(path, StreamInfo(width, height, Fraction(RATE), frames=frames))
    for number in range(frames):
        x, y = (
            int((1 + np.sin((number + start) / period)) / 2 * room) for period, room in ((9, large.shape[1] - width), (13, large.shape[0] - height))
        )
        image: UInt8Array = np.ascontiguousarray(large[y : y + height, x : x + width])
        sink.write(Frame.from_interleaved(image, number, Fraction(1, RATE)))
    sink.finish()
    sink.close()


def packets(path: Path) -> list[tuple[str, int | None, bytes]]:
    """Return all packets of a file; nothing if there is none."""
    if not path.exists():
        return []
    with av.open(str(path)) as container:
        return [(packet.stream.type, packet.pts, bytes(packet)) for packet in container.demux() if packet.size]


def difference(one: Path, other: Path) -> int:
    """Return the largest difference of the frames of two videos; 255 if they have not as many, or at other times."""
    with av.open(str(one)) as first, av.open(str(other)) as second:
        largest = 0
        for a, b in zip(first.decode(video=0), second.decode(video=0), strict=True):
            if a.pts != b.pts:
                return 255
            largest = max(largest, int(np.abs(a.to_ndarray(format="rgb24").astype(int) - b.to_ndarray(format="rgb24")).max()))
    return largest


if __name__ == "__main__":
    main()
