"""Runs the command line on damaged files of many kinds and counts how that ends.

    python -m benchmarks.fuzz.run [--files 2000] [--seed 1] [--jobs 2] [--kind avif --kind webp] [--only 17 --only 99] [--keep DIR]

File number i is one of the valid files of `benchmarks.fuzz.seeds` with random changes, given to a random command with random options; it
depends on nothing but the seed and i, so `--only i` repeats it. Each runs the real `main()` in a process of its own with limits of time
and memory, forked from this one, which has imported everything. The network is replaced by one that takes bright pixels for the person,
except where the weights file is what is damaged. The run fails unless every file ends in one of the first two ways:

    written    exit code 0 or 4, or 5 where no face was found that could be hidden, and every output decodes to its end
    refused    exit code 1, 2 or 3 with one line that says why, and no output
    hang       not done in time
    crash      ended by a signal
    memory     more memory than allowed
    traceback  an unexpected exception
    exit       any other exit code, or no line, or a code that does not suit what is damaged
    partial    an output that does not decode, an output of a failed run, or a temporary file left behind
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn
from unittest import mock

import av
import numpy as np

from benchmarks.fuzz.seeds import damage, make_seeds
from p3mvideo import cli
from p3mvideo.app.process import run as process_module
from p3mvideo.engine import LoadedEngine
from p3mvideo.engine.image_batch import host_array
from p3mvideo.frame import Pixels
from p3mvideo.matte import Matte
from p3mvideo.privacy.detect.telemetry import deny_telemetry

STILLS: Final = ("png", "png-16", "jpg", "jpg-progressive", "webp", "avif", "bmp", "tif")
GOOD: Final = ("written", "refused")
MEMORY_BYTES: Final = 3 << 30
"""Address space that a run may have beyond what it starts with."""
HEADER_BYTES: Final = 24_000
"""Where the header of a weights file is; what follows are numbers, whose changes cannot be seen."""


@dataclass(frozen=True)
class Case:
    """One run of the program."""

    number: int
    kind: str
    arguments: tuple[str, ...]
    """What is given to the program, in a folder that holds `files`."""
    files: dict[str, bytes]
    outputs: tuple[str, ...]
    """Names that the run may leave behind."""
    standard_input: str | None = None

    @property
    def hides_faces(self) -> bool:
        """Whether faces are hidden in what is written."""
        return self.arguments[0] == "anonymize" or "--anonymize output" in " ".join(self.arguments)


@dataclass(frozen=True)
class Outcome:
    """How a case ended."""

    case: Case
    ending: str
    detail: str
    seconds: float


def make_case(number: int, seed: int, seeds: dict[str, Path], kinds: Sequence[str], *, faces: bool = True, intact: bool = False) -> Case:
    """Return case `number` of a run; the same for the same arguments.

    Args:
        number: Which one.
        seed: Of the run.
        seeds: Valid files by kind.
        kinds: The kinds to choose from.
        faces: Whether some runs look for faces.
        intact: Whether the file is left undamaged, and the kinds come in turn: all must be written, or the harness tests nothing.
    """
    rng = random.Random(f"{seed}:{number}")
    kind = kinds[number % len(kinds)] if intact else rng.choice(kinds)
    path = seeds[kind]
    broken = path.read_bytes() if intact else damage(path.read_bytes(), rng, within=HEADER_BYTES if kind == "weights" else None)
    files = {f"in{path.suffix}": broken}
    name, still, clip = f"in{path.suffix}", seeds["png"], seeds["mp4"]
    if kind == "config":
        files["good.png"] = still.read_bytes()
        return Case(number, kind, ("process", "good.png", "-o", "out.png", "--anonymize", "off", "--config", name), files, ("out.png",))
    if kind == "weights":
        files["good.png"] = still.read_bytes()
        given = ("process", "good.png", "-o", "out.png", "--anonymize", "off", "--runtime", "torch", "--model", name)
        return Case(number, kind, given, files, ("out.png",))
    is_still = kind in STILLS
    form = rng.choice(("plain",) * 6 + ("background", "anonymize", "stdin", "sequence"))
    output = "out" + (rng.choice((".png", ".jpg", ".webp")) if is_still else rng.choice((".mkv", ".mkv", ".mp4", ".mp4", ".mov", ".webm")))
    standard_input = None
    if form == "background":
        good = still if is_still else clip
        files[f"good{good.suffix}"] = good.read_bytes()
        arguments = ["process", f"good{good.suffix}", "--bg", name, "-o", output]
    elif form == "anonymize" and faces:
        arguments = ["anonymize", name, "-o", output]
        stem = output.partition(".")[0]
        beside = (f"{stem}.audit.json", f"{stem}.review.html", f"{stem}.review.jpg")
        return Case(number, kind, (*arguments, *_options(rng, is_still=True)), files, (output, *beside))
    elif form == "stdin" and kind in (*STILLS, "y4m"):
        standard_input, arguments = name, ["process", "-", "-o", output]
    elif form == "sequence" and is_still:
        files = {f"im_1{path.suffix}": path.read_bytes(), f"im_2{path.suffix}": broken, f"im_3{path.suffix}": path.read_bytes()}
        output, is_still = "out.mkv", False
        arguments = ["process", f"im_%d{path.suffix}", "-o", output]
    else:
        arguments = ["process", name, "-o", output]
    outputs: tuple[str, ...] = (output,)
    if rng.random() < 0.2:
        extra = ("matte" if rng.random() < 0.3 else "matte.png") if is_still else rng.choice(("matte.mkv", "matte.mp4", "m/%03d.png"))
        arguments += ["--alpha", extra]
        outputs = (*outputs, extra.partition("/")[0])
    arguments += ["--anonymize", rng.choice(("off",) * 5 + ("input", "output")) if faces else "off", *_options(rng, is_still=is_still)]
    return Case(number, kind, tuple(arguments), files, outputs, standard_input)


def _options(rng: random.Random, *, is_still: bool) -> Iterator[str]:
    if rng.random() < 0.15:
        yield "--strict"
    if not is_still:
        if rng.random() < 0.15:
            yield from ("--start", rng.choice(("0", "0.05", "0.1", "5")))
        if rng.random() < 0.1:
            yield from ("--hdr", "tonemap")
        if rng.random() < 0.15:
            yield from ("--smoothing", rng.choice(("off", "ema", "adaptive")))


class BrightEngine:
    """A `MattingEngine` that takes bright pixels for the person."""

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        """See `MattingEngine`."""
        return [Matte(host_array(image).mean(2, dtype=np.float32)[None] / np.float32(255)) for image in images]


def import_everything(*, faces: bool) -> None:
    """Import what commands import only when they run, so that forked processes have it."""
    if faces:
        deny_telemetry()
        importlib.import_module("p3mvideo.app.anonymize.run")
        importlib.import_module("mediapipe.tasks.python.vision")
    for command in ("process", "anonymize") if faces else ("process",):
        with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
            cli.app([command, "there is no such file"])


def run_case(case: Case, folder: Path, *, seconds: float) -> NoReturn:
    """Run a case in this process, which was forked for it, and leave the verdict in `folder`; never returns."""
    work = folder / "work"
    work.mkdir()
    for name, content in case.files.items():
        (work / name).write_bytes(content)
    os.chdir(work)
    os.setsid()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    given = os.open(case.standard_input or os.devnull, os.O_RDONLY)
    os.dup2(given, 0)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = ["p3mvideo", *case.arguments]
    code = 99
    try:
        if case.kind == "weights":
            cli.main()
        else:
            loaded = LoadedEngine(BrightEngine(), "cpu", "bright pixels")
            with mock.patch.object(process_module, "load_engine", return_value=loaded):
                cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stderr.flush()
    said = (folder / "stderr").read_text(errors="replace")
    (folder / "verdict").write_text(json.dumps(judge(case, work, code, said)))
    os._exit(0)


def judge(case: Case, work: Path, code: int, said: str) -> tuple[str, str]:
    """Return how a case ended that was not killed, and what there is to say about it."""
    left = sorted(path.name for path in work.iterdir() if path.name not in case.files)
    strangers = [name for name in left if name not in case.outputs]
    lines = [line for line in said.splitlines() if "error" in line] or said.splitlines()
    last = lines[-1] if lines else ""
    if "Traceback" in said:
        return "traceback", last
    if strangers:
        return "partial", f"left behind: {', '.join(strangers)}"
    if code in ((0, 4, 5) if case.hides_faces else (0, 4)) and not (code == 4 and "--strict" in case.arguments and not left):
        for name in case.outputs:
            problem = _undecodable(work / name, optional=name.endswith((".json", ".review.html", ".review.jpg")))
            if problem:
                return "partial", f"{name}: {problem}"
        return "written", f"exit {code}"
    if left:
        return "partial", f"exit {code}, but {', '.join(left)} is there: {last}"
    if "MemoryError" in said or "bad_alloc" in said or "Cannot allocate memory" in said:
        return "memory", last
    # A background that cannot be read is a wrong option, as is a start that a still image does not have.
    usual = (3,) if case.kind == "weights" else (1, 2) if {"--config", "--bg", "--start"} & {*case.arguments} else (1,)
    usual = (*usual, 4) if "--strict" in case.arguments else usual
    if code not in usual or not any(line.startswith(("p3mvideo: error: ", "Error: ")) for line in lines):
        return "exit", f"exit {code}: {last}"
    return "refused", f"exit {code}: {last}"


def _undecodable(path: Path, *, optional: bool) -> str:
    """Return what is wrong with an output; nothing if it decodes to its end."""
    if not path.exists():
        return "" if optional else "it was not written"
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.suffix == ".json":
            json.loads(file.read_text())
        if file.suffix in (".json", ".html"):
            continue
        try:
            with av.open(str(file)) as container:
                frames = sum(1 for _ in container.decode(video=0))
        except (av.error.FFmpegError, IndexError) as error:
            return str(error)
        if not frames:
            return "no frame in it"
    return ""


def run_all(cases: Iterable[Case], *, jobs: int, seconds: float, keep: Path | None) -> Iterator[Outcome]:
    """Run cases, `jobs` at a time, and yield how each ended, in the order in which they end.

    Args:
        cases: What to run.
        jobs: Processes at a time.
        seconds: How long each may take.
        keep: Folder for the files, the command and the messages of cases that end badly.
    """
    waiting = iter(cases)
    running: dict[int, tuple[Case, Path, float]] = {}
    with tempfile.TemporaryDirectory(prefix="p3mvideo-fuzz-") as scratch:
        while True:
            while len(running) < jobs and (case := next(waiting, None)) is not None:
                folder = Path(scratch, str(case.number))
                folder.mkdir()
                child = os.fork()
                if not child:
                    try:
                        run_case(case, folder, seconds=seconds)
                    finally:
                        os._exit(98)
                running[child] = case, folder, time.monotonic()
            if not running:
                return
            time.sleep(0.01)
            for child, (case, folder, started) in list(running.items()):
                passed = time.monotonic() - started
                done, status = os.waitpid(child, os.WNOHANG)
                if not done and passed > seconds:
                    os.killpg(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    ending, detail = "hang", f"after {passed:.0f} s"
                elif not done:
                    continue
                else:
                    ending, detail = _ending(folder, status)
                del running[child]
                if ending not in GOOD and keep is not None:
                    kept = keep / f"{case.number}-{case.kind}-{ending}"
                    shutil.rmtree(kept, ignore_errors=True)
                    shutil.copytree(folder, kept, symlinks=True)
                    (kept / "command").write_text(" ".join(case.arguments) + "\n")
                shutil.rmtree(folder, ignore_errors=True)
                yield Outcome(case, ending, detail, passed)


def _ending(folder: Path, status: int) -> tuple[str, str]:
    said = (folder / "stderr").read_text(errors="replace") if (folder / "stderr").exists() else ""
    last = (said.splitlines() or [""])[-1]
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return "hang", "processor time used up"
        if "MemoryError" in said or "bad_alloc" in said:
            return "memory", last
        return "crash", f"{signal.Signals(number).name} {last}"
    if not (folder / "verdict").exists():
        return "crash", f"exit {os.WEXITSTATUS(status)} without a verdict: {last}"
    ending, detail = json.loads((folder / "verdict").read_text())
    return ending, detail


def main() -> int:
    """Run, print a line for each case that ends badly and a table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60, help="how long one file may take")
    parser.add_argument("--kind", action="append", help="only files of these kinds")
    parser.add_argument("--only", type=int, action="append", help="only these files")
    parser.add_argument("--no-faces", dest="faces", action="store_false", help="look for no faces, which starts sooner")
    parser.add_argument("--intact", action="store_true", help="leave the files undamaged")
    parser.add_argument("--keep", type=Path, help="folder for what ends badly")
    parser.add_argument("--weights", type=Path, default=Path(__file__).parents[2] / "weights" / "p3mnet-mobilenetv2-light.safetensors")
    options = parser.parse_args()
    import_everything(faces=options.faces)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="p3mvideo-seeds-") as folder:
        seeds = make_seeds(Path(folder), options.weights)
        kinds = options.kind or sorted(seeds)
        if threading.active_count() > 1:
            raise RuntimeError("this process has threads, whose locks a forked one would inherit")
        numbers = options.only or range(options.first, options.first + options.files)
        counts: Counter[str] = Counter()
        by_kind: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
        cases = (make_case(number, options.seed, seeds, kinds, faces=options.faces, intact=options.intact) for number in numbers)
        with contextlib.suppress(KeyboardInterrupt):  # the table then tells of what was done
            for outcome in run_all(cases, jobs=options.jobs, seconds=options.seconds, keep=options.keep):
                counts[outcome.ending] += 1
                by_kind[outcome.case.kind][outcome.ending] += 1
                if outcome.ending not in GOOD or options.only:
                    print(f"{outcome.case.number} {outcome.ending}: {' '.join(outcome.case.arguments)}: {outcome.detail}", flush=True)
    columns = sorted(counts, key=lambda ending: (ending not in GOOD, ending))
    print("| kind |", " | ".join(columns), "|")
    print("|---|" + "---|" * len(columns))
    for kind, found in [*by_kind.items(), ("all", counts)]:
        print(f"| {kind} |", " | ".join(str(found[ending]) for ending in columns), "|")
    print(f"seed {options.seed}, {sum(counts.values())} files in {time.monotonic() - started:.0f} s")
    return int(any(ending not in GOOD for ending in counts))


if __name__ == "__main__":
    sys.exit(main())
