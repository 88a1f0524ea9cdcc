"""The processes on this machine that work on units, seen from the one that has the work."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

from p3mvideo.app.batch.unit import Recipe, Unit
from p3mvideo.errors import ExitCode, P3MVideoError, error_to_json

STOP_SECONDS: Final = 2.0
"""How long workers that are told to end may take, all together, to remove what they were writing."""
ENDED_BY_OTHERS: Final = (int(ExitCode.INTERRUPTED), *(-int(getattr(signal, name)) for name in ("SIGHUP", "SIGTERM") if hasattr(signal, name)))
"""How workers end that are told to."""
TOGETHER_SECONDS: Final = 1.0
"""Whoever ends a terminal, a service or a job signals all its processes. Until this one has ended, too, that a worker was the first to go is not
told: it would count as a crash on its unit."""


@dataclass(frozen=True)
class Event:
    """What a worker says."""

    unit: Unit | None
    """What it is working on; None if that is nothing."""
    values: Mapping[str, Any]
    """One of: `message`; `ready` with what was loaded; `refused` with why nothing can be worked on; `begin` with a task and `total`; `advance`;
    `divided` with the number of segments of the unit; `result`; `died` with how the process that worked on the unit ended; `lost` where its whole
    machine did."""


class Workers(Protocol):
    """Work on units somewhere. All methods are called by one thread."""

    def free(self) -> int:
        """Return how many units more can be taken now."""
        ...

    def submit(self, unit: Unit) -> None:
        """Take a unit; only if one is free."""
        ...

    def take_back(self, unit: Unit) -> None:
        """End the worker that has a unit, without a word of it; the unit may be given to another."""
        ...

    def poll(self, seconds: float) -> Sequence[Event]:
        """Return what has happened, after waiting for something for so long at most."""
        ...

    def close(self) -> None:
        """End all work now; what was being written is removed as far as possible."""
        ...


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[str]
    unit: Unit | None = None
    is_ready: bool = False


class LocalWorkers:
    """Worker processes on this machine; one that ends without being told to is replaced when there is more work.

    Args:
        recipe: How units are worked on.
        count: How many processes.
    """

    def __init__(self, recipe: Recipe, count: int) -> None:
        self._recipe = recipe
        self._count = count
        self._workers: list[_Worker] = []
        self._events: SimpleQueue[tuple[_Worker, dict[str, Any]]] = SimpleQueue()

    def free(self) -> int:
        """See `Workers`."""
        return self._count - sum(1 for worker in self._workers if worker.unit is not None)

    def submit(self, unit: Unit) -> None:
        """See `Workers`."""
        worker = next((worker for worker in self._workers if worker.unit is None), None) or self._start()
        worker.unit = unit
        self._tell(worker, unit.to_json())

    def take_back(self, unit: Unit) -> None:
        """See `Workers`."""
        for worker in [worker for worker in self._workers if worker.unit is not None and worker.unit.number == unit.number]:
            self._workers.remove(worker)
            worker.process.kill()
            _close_input(worker)

    def poll(self, seconds: float) -> Sequence[Event]:
        """See `Workers`."""
        found: list[Event] = []
        try:
            while True:
                worker, values = self._events.get(timeout=0 if found else seconds)
                if worker not in self._workers:
                    continue  # it was ended by `take_back`
                found.append(Event(worker.unit, values))
                worker.is_ready |= "ready" in values
                if "died" in values:
                    self._workers.remove(worker)
                    _close_input(worker)
                if "died" in values or "result" in values:
                    worker.unit = None
        except Empty:
            return found

    def close(self) -> None:
        """See `Workers`."""
        for worker in self._workers:
            worker.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            _close_input(worker)
        self._workers.clear()

    def _start(self) -> _Worker:
        command = [sys.executable, "-P", "-m", "p3mvideo.app.batch.workers.worker_process"]
        path = os.pathsep.join(filter(None, sys.path))
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": path}
        )
        worker = _Worker(process)
        self._workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), name="worker", daemon=True).start()
        self._tell(worker, {"recipe": vars(self._recipe), "log_level": logging.getLogger("p3mvideo").getEffectiveLevel()})
        return worker

    def _tell(self, worker: _Worker, values: Mapping[str, Any]) -> None:
        assert worker.process.stdin is not None
        try:
            worker.process.stdin.write(json.dumps(values) + "\n")
            worker.process.stdin.flush()
        except OSError:
            pass  # it has ended, which is told by the end of its output

    def _listen(self, worker: _Worker) -> None:
        """Pass on what a worker says, until it ends."""
        assert worker.process.stdout is not None
        with worker.process.stdout as lines:
            for line in lines:
                try:
                    self._events.put((worker, json.loads(line)))
                except ValueError:
                    break  # cut off in the middle
        code = worker.process.wait()
        if code in ENDED_BY_OTHERS:
            time.sleep(TOGETHER_SECONDS)
        how = _end_of(code)
        self._events.put((worker, {"died": how} if worker.is_ready else {"refused": error_to_json(_no_start(how))}))


def _close_input(worker: _Worker) -> None:
    assert worker.process.stdin is not None
    worker.process.stdin.close()


def _no_start(how: str) -> P3MVideoError:
    return P3MVideoError(f"a worker process ended while it was loading ({how})", hint="--jobs 1 without --resume works in this process; --debug")


def _end_of(code: int) -> str:
    """Return how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
