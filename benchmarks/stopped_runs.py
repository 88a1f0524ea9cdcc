"""Runs that are killed at random moments and started again, compared with unbroken ones.

    python -m benchmarks.stopped_runs clips --portrait P --count 60 --kills 20 --jobs 2      # a folder, one clip damaged, one that ends its worker
    python -m benchmarks.stopped_runs long --portrait P --seconds 600 --kills 10 --jobs 2    # one video in segments; also against one piece
    python -m benchmarks.stopped_runs shards --portrait P --count 20                         # two shares of a folder at once, one killed

`clips` and `shards` ask whether every output is the unbroken run's, frame by frame and packet by packet, and how many inputs were begun more
than once. `long` asks the same of one video, and what segments cost in processor time, as a ratio within this run. A run is killed after a random
number of its lines of progress, and a little later: so each gets somewhere, however busy the machine is. Outputs are FFV1: x264's choices depend
on memory that it never wrote, so that it does not give the same packets twice even without any kill.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from p3mvideo.ops.opencv import read_image_file

COMMON = ("--bg", "#305070", "--codec", "ffv1", "--threads", "1", "--progress", "json")
SOUND_RATE = 24_000

HOOK = """
import os, re, sys
def hook(event, arguments):
    if event != "open" or "workers.worker_process" not in " ".join(sys.orig_argv):
        return
    found = re.search("([0-9]{{3}}[.]mkv)[.][0-9a-f]{{12}}[.]part$", str(arguments[0]))
    if found and arguments[1] is None and arguments[2] & os.O_CREAT:
        log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, (found[1] + chr(10)).encode())
        os.close(log)
        if found[1] == {crashing!r}:
            os.kill(os.getpid(), 11)
sys.addaudithook(hook)
"""
"""Notes which outputs a worker process begins to write, and ends it when it begins a certain one, as a broken codec would."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("clips", "long", "shards"))
    parser.add_argument("--portrait", type=Path, required=True, help="an image of a person, which moves in the clips")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=int, default=25, help="frames per second")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--size", type=int, default=160, help="longer side of the clips in pixels")
    parser.add_argument("--anonymize", default="off", help="as for process")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stopped-") as name:
        account = {"clips": clips, "long": long, "shards": shards}[given.what](Path(name), given)
        print(json.dumps(account, indent=1))


def clips(folder: Path, given: argparse.Namespace) -> dict[str, object]:
    """Return the account of a folder of clips."""
    runs = Runs(folder, given, crashing="002.mkv")
    lines, draw, killed = runs.unbroken(), random.Random(1), 0
    for _ in range(given.kills):
        killed += kill_after(runs.start("broken", "--resume", "--jobs", str(given.jobs)), draw, most_lines=max(2, 2 * lines // given.kills))
    report = folder / "report.json"
    lines_of(runs.start("broken", "--resume", "--jobs", str(given.jobs), "--report", str(report)))
    states = [entry["note"] or ("failed" if entry["error"] else "done") for entry in json.loads(report.read_text())["inputs"]]
    return {"runs killed before they had ended": killed, **runs.account(), "what the last run found": dict(Counter(states))}


def shards(folder: Path, given: argparse.Namespace) -> dict[str, object]:
    """Return the account of two processes that work on one folder at once, of which one is killed."""
    runs = Runs(folder, given, crashing="")
    lines = runs.unbroken()
    first, second = (runs.start("broken", "--shard", f"{number}/2") for number in range(2))
    was_killed = kill_after(first, random.Random(3), most_lines=max(2, lines // 3))
    lines_of(second)
    return {"the first was killed before it had ended": was_killed, **runs.account()}


class Runs:
    """Runs of `process` over one folder of clips, the second of which is no video.

    Args:
        folder: Takes all.
        given: The command line.
        crashing: The clip that ends its worker.
    """

    def __init__(self, folder: Path, given: argparse.Namespace, *, crashing: str) -> None:
        self._folder, self._given = folder, given
        self._inputs, self._site, self._log = folder / "in", folder / "site", folder / "begun"
        self._inputs.mkdir()
        self._site.mkdir()
        for number in range(given.count):
            frames = 10 + number % 15
            make_clip(self._inputs / f"{number:03}.mkv", given.portrait, frames=frames, rate=given.rate, size=given.size, start=number)
        damaged = self._inputs / "001.mkv"
        damaged.write_bytes(damaged.read_bytes()[:200])
        (self._site / "sitecustomize.py").write_text(HOOK.format(log=str(self._log), crashing=crashing))

    def unbroken(self) -> int:
        """Do all in one go; return how many lines of progress that took."""
        lines = lines_of(self.start("unbroken", "--resume", "--jobs", str(self._given.jobs)))
        self._log.unlink()
        return lines

    def start(self, output: str, *options: str) -> subprocess.Popen[bytes]:
        """Start a run into a folder of that name."""
        path = os.pathsep.join([str(self._site), os.environ.get("PYTHONPATH", os.getcwd())])
        return run([str(self._inputs), "-o", str(self._folder / output), "--anonymize", self._given.anonymize, *options], PYTHONPATH=path)

    def account(self) -> dict[str, object]:
        """Compare what lies in the folders `unbroken` and `broken`."""
        unbroken, broken = self._folder / "unbroken", self._folder / "broken"
        names = sorted(path.name for path in unbroken.glob("*.mkv"))
        begun = Counter(self._log.read_text().split())
        return {
            "outputs": len(names),
            "outputs of the broken runs": len(list(broken.glob("*.mkv"))),
            "of these identical in frames, times and sound": sum(packets(broken / name) == packets(unbroken / name) for name in names),
            "begun again": sum(begun[name] - 1 for name in names),
            "parts, claims and segments left": [
                str(path.relative_to(broken)) for path in broken.rglob("*") if path.suffix in (".part", ".claim", ".segment")
            ],
        }


def long(folder: Path, given: argparse.Namespace) -> dict[str, object]:
    """Return the account of one long video."""
    clip = folder / "long.mp4"
    make_clip(clip, given.portrait, frames=round(given.seconds * given.rate), rate=given.rate, size=given.size)
    options = ["--anonymize", given.anonymize]
    divided = ["--resume", "--jobs", str(given.jobs)]
    processor, lines = {}, {}
    for name, more in (("whole", []), ("segments", divided)):
        used = processor_seconds()
        lines[name] = lines_of(run([str(clip), "-o", str(folder / f"{name}.mkv"), *options, *more]))
        processor[name] = processor_seconds() - used
    draw, killed = random.Random(2), 0
    for _ in range(given.kills):
        process = run([str(clip), "-o", str(folder / "broken.mkv"), *options, *divided])
        killed += kill_after(process, draw, most_lines=max(2, 3 * lines["segments"] // (2 * given.kills)))
    lines_of(run([str(clip), "-o", str(folder / "broken.mkv"), *options, *divided]))
    return {
        "frames": round(given.seconds * given.rate),
        "runs killed before they had ended": killed,
        "largest difference of segments and one piece, of 255": difference(folder / "segments.mkv", folder / "whole.mkv"),
        "largest difference of the killed runs and the unbroken one": difference(folder / "broken.mkv", folder / "segments.mkv"),
        "sound is the same": sound(folder / "broken.mkv") == sound(folder / "segments.mkv") == sound(folder / "whole.mkv"),
        "processor seconds in one piece and in segments": [round(processor[name], 1) for name in ("whole", "segments")],
        "processor time in segments over that in one piece": round(processor["segments"] / processor["whole"], 3),
        "files left": [path.name for path in (folder / ".p3mvideo").rglob("*") if path.is_file()],
    }


def run(options: list[str], **environment: str) -> subprocess.Popen[bytes]:
    """Start `process`."""
    command = [sys.executable, "-m", "p3mvideo", "process", *COMMON, *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1", **environment})


def processor_seconds() -> float:
    """Return the processor time of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def lines_of(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a run; return how many lines of progress it told."""
    assert process.stderr is not None
    with process.stderr as lines:
        told = sum(1 for _ in lines)
    process.wait()
    return told


def kill_after(process: subprocess.Popen[bytes], draw: random.Random, *, most_lines: int) -> bool:
    """Kill a run at a random moment, unless it has ended by then; return whether it was killed."""
    assert process.stderr is not None
    with process.stderr as lines:
        for _ in range(draw.randint(1, most_lines)):
            lines.readline()
        time.sleep(draw.uniform(0, 0.5))
        was_running = process.poll() is None
        process.send_signal(signal.SIGKILL)
    process.wait()
    return was_running


def make_clip(path: Path, portrait: Path, *, frames: int, rate: int, size: int, start: int = 0) -> None:
    """Write a portrait that moves, with a tone."""
    image = cv2.cvtColor(read_image_file(portrait), cv2.COLOR_BGR2RGB)
    scale = 1.25 * size / max(image.shape[:2])
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = (int(side / 1.25) // 2 * 2 for side in large.shape[:2])
    with av.open(str(path), "w") as container:
        video = container.add_stream("h264", rate=rate)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.gop_size = 5 * rate
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for number in range(frames):
            x, y = (
                int((1 + np.sin((number + start) / period)) / 2 * room)
                for period, room in ((9, large.shape[1] - width), (13, large.shape[0] - height))
            )
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(large[y : y + height, x : x + width]), format="rgb24")
            shown.pts, shown.time_base = number, Fraction(1, rate)
            container.mux(video.encode(shown))
            at = np.arange(number * SOUND_RATE // rate, (number + 1) * SOUND_RATE // rate)
            tone = av.AudioFrame.from_ndarray((0.2 * np.sin(at * (0.05 + 0.001 * start)))[None].astype(np.float32), format="fltp", layout="mono")
            tone.sample_rate, tone.pts, tone.time_base = SOUND_RATE, int(at[0]), Fraction(1, SOUND_RATE)
            container.mux(audio.encode(tone))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def packets(path: Path) -> list[tuple[str, int | None, bytes]]:
    """Return all packets of a file; nothing if there is none."""
    if not path.exists():
        return []
    with av.open(str(path)) as container:
        return [(packet.stream.type, packet.pts, bytes(packet)) for packet in container.demux() if packet.size]


def sound(path: Path) -> list[tuple[str, int | None, bytes]]:
    """Return the packets of sound."""
    return [packet for packet in packets(path) if packet[0] == "audio"]


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
