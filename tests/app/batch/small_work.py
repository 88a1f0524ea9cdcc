"""Work on units that is quick and does what the content of an input says: copy it, fail, or end the process. Every attempt is logged.

    python -m tests.app.batch.small_work FOLDER OUT [OPTION=VALUE...]

runs a batch over a folder with it and prints what became of each input.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from p3mvideo.app.batch.output_plan import OutputPlan, Wanted
from p3mvideo.app.batch.result import InputResult
from p3mvideo.app.batch.run import Outcome, run_batch
from p3mvideo.app.batch.unit import Recipe, Unit, Work
from p3mvideo.errors import SourceError
from p3mvideo.io.inputs import Input
from p3mvideo.io.part_file import PartFile
from p3mvideo.listener import Listener
from p3mvideo.options import BatchOptions

ENTRY = "tests.app.batch.small_work:load"


def load(options: Mapping[str, Any], listener: Listener) -> Work:
    """See `Recipe.entry`. The option `log` names a file that takes a line for each attempt, `seconds` says how long one takes."""

    def work(unit: Unit) -> InputResult:
        _log(options, f"begin {unit.item.path.name}")
        content = unit.item.path.read_bytes()
        listener.begin(str(unit.item.path), 10, number=unit.number, of=unit.of)
        output = unit.plan.paths()[0]
        unit.plan.make_folders()
        part = PartFile(output, overwrite=unit.replaces)
        try:
            time.sleep(options.get("seconds", 0))
            listener.advance(5)
            if content.startswith(b"crash"):
                signal.raise_signal(signal.SIGSEGV)  # this thread's, as that of a decoder would be: it does not go on while others are told
            if content.startswith(b"stopped"):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(30)
            if content.startswith(b"damaged"):
                raise SourceError(f"{unit.item.path} is damaged")
            part.path.write_bytes(content[::-1] + str(options.get("suffix", "")).encode())
            part.publish()
        finally:
            part.discard()
        _log(options, f"end {unit.item.path.name}")
        return InputResult(unit.item, unit.plan)

    return work


def run(
    inputs: Sequence[str | Path],
    output: Path | None,
    batch: BatchOptions,
    *,
    overwrite: bool = False,
    listener: Listener | None = None,
    **options: Any,
) -> Outcome:
    """Run a batch with this work."""

    def prepare(items: Sequence[Input], plans: Sequence[OutputPlan]) -> Recipe:
        return Recipe(ENTRY, {"threads": 1, **options}, "weights")

    return run_batch(inputs, Wanted(output), prepare, options=batch, overwrite=overwrite, listener=listener or Listener())


def make_inputs(folder: Path, count: int, *, special: Mapping[int, bytes] = {}) -> Path:
    """Make files of different sizes that pass for videos by their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        start = special.get(number, b"")
        (folder / f"{number:02}.mp4").write_bytes(start + bytes([65 + number]) * (100 + 10 * number))
    return folder


def _log(options: Mapping[str, Any], line: str) -> None:
    if "log" in options:
        descriptor = os.open(options["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)


def main(folder: str, out: str, *given: str) -> None:
    """Run a batch and print what became of each input."""
    values: dict[str, Any] = dict(entry.split("=", 1) for entry in given)
    log, seconds = values.pop("log"), float(values.pop("seconds"))
    chosen: dict[str, Any] = {name: int(value) if name == "jobs" else value for name, value in values.items()}
    batch = BatchOptions(**{"resume": True, **chosen})
    for result in run([folder], Path(out), batch, log=log, seconds=seconds).results:
        print(result.item.path.name, result.note or (result.error.message if result.error else "done"), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
