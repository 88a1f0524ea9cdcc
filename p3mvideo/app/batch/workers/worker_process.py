"""A process that works on units, one after the other: `python -m p3mvideo.app.batch.workers.worker_process`.

It reads JSON lines on standard input, first the recipe, then units, and writes JSON lines on standard output: what it loaded, progress, results. It
ends when its input ends, and so with the process that started it, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any, Final, TextIO

from p3mvideo.app.batch.failure import failure_of
from p3mvideo.app.batch.leftovers import wait_for_ending
from p3mvideo.app.batch.records import Record, output_states, segment_folder, write_record
from p3mvideo.app.batch.result import InputResult
from p3mvideo.app.batch.unit import Recipe, Unit, Work
from p3mvideo.errors import ExitCode, P3MVideoError, SinkError, UnexpectedError, error_to_json
from p3mvideo.listener import Listener

PROGRESS_SECONDS: Final = 0.25
"""Between two lines about one task."""


class ReportingListener(Listener):
    """Passes on what it hears as plain values: `message`, `begin` with what is to be done, `advance` with what is done.

    Args:
        send: Takes them; may be called from any thread.
    """

    def __init__(self, send: Sender) -> None:
        self._send = send
        self._said = 0.0

    def message(self, text: str) -> None:
        """See `Listener`."""
        self._send({"message": text})

    def begin(self, task: str, total: int | None = None, *, done: int = 0, number: int = 1, of: int = 1) -> None:
        """See `Listener`."""
        self._said = 0.0
        self._send({"begin": task, "total": total})

    def advance(self, done: int) -> None:
        """See `Listener`."""
        now = time.monotonic()
        if now - self._said >= PROGRESS_SECONDS:
            self._said = now
            self._send({"advance": done})

    def divided(self, parts: int) -> None:
        """See `Listener`."""
        self._send({"divided": parts})


class Sender:
    """Writes lines from several threads.

    Args:
        file: Where to.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def __call__(self, values: Mapping[str, Any]) -> None:
        """Write plain values as one line. Where no one reads any more, the process ends."""
        try:
            with self._lock:
                print(json.dumps(values), file=self._file, flush=True)
        except OSError:
            os._exit(int(ExitCode.INTERRUPTED))


def run_unit(work: Work, unit: Unit) -> InputResult:
    """Work on a unit and record what became of it, where that is wanted; what is raised is its failure."""
    if unit.helps and not segment_folder(unit).is_dir():
        return InputResult(unit.item, unit.plan)  # it was done before this process had loaded
    if not unit.helps and unit.key:
        wait_for_ending(unit)
    try:
        done = work(unit)
        if unit.key and not unit.helps:
            write_record(unit, Record(unit.key, "done", outputs=output_states(unit), result=done.to_json()))
        return done
    except Exception as error:
        failed = InputResult(unit.item, unit.plan, error=failure_of(unit.item, error))
    if unit.key and not unit.helps:
        with contextlib.suppress(SinkError):  # it would only be tried again
            write_record(unit, Record(unit.key, "failed", outputs=output_states(unit), result=failed.to_json()))
    return failed


def main() -> None:
    """Work until there is no more input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the one that started this one ends it
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What a library prints is no message to that process.
    send = Sender(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines: SimpleQueue[dict[str, Any]] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=read, name="reader", daemon=True).start()
    first = lines.get()
    logging.basicConfig(format="p3mvideo: %(message)s", level=first["log_level"])
    try:
        work = Recipe(**first["recipe"]).load(ReportingListener(send))
    except Exception as error:
        if not isinstance(error, P3MVideoError):
            logging.getLogger(__name__).debug("loading failed unexpectedly", exc_info=error)
            error = UnexpectedError(error)
        # Nothing is in work, and a handler's exception in the interpreter's last moments would be printed.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        send({"refused": error_to_json(error)})
        return
    send({"ready": getattr(work, "description", "")})
    while True:
        send({"result": run_unit(work, Unit.from_json(lines.get())).to_json()})


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # SIGTERM; what was being written is removed by then
        os._exit(int(ExitCode.INTERRUPTED))
