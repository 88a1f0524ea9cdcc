"""Jobs of the studio: each is a run of the command line in a process of its own, so that one that fails or crashes harms no other."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from p3mvideo.errors import ExitCode
from p3mvideo.studio.library import StudioFile
from p3mvideo.studio.plan import JobPlan

State = Literal["waiting", "running", "done", "failed", "cancelled"]

CANCEL_SECONDS: Final = 10.0
"""How long a cancelled process may clean up before it is killed."""
MESSAGES: Final = 20
"""Lines of a process that are kept."""


@dataclass
class Job:
    """One run, as the page sees it."""

    id: str
    plan: JobPlan
    source: StudioFile
    preview: bool = False
    """Whether it shows some seconds only."""
    state: State = "waiting"
    done: int = 0
    total: int | None = None
    rate: float = 0.0
    """Frames per second."""
    step: str = ""
    """What it does just now."""
    messages: list[str] = field(default_factory=list)
    """What the program printed besides its progress: warnings, the error and its hint."""
    results: list[StudioFile] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return what the page shows."""
        left = (self.total - self.done) / self.rate if self.total and self.rate > 0 else None
        return {
            "id": self.id, "title": self.plan.title, "source": self.source.id, "preview": self.preview, "state": self.state, "done": self.done,
            "total": self.total, "rate": self.rate, "step": self.step, "secondsLeft": None if left is None else round(max(0.0, left)),
            "messages": list(self.messages), "results": [result.to_json() for result in self.results],
        }  # fmt: skip


class JobQueue:
    """Runs one job after the other, each in a child process.

    Args:
        add_result: Takes in a file that a job has written; called from the queue's thread.
    """

    def __init__(self, add_result: Callable[[Path], StudioFile]) -> None:
        self._add_result = add_result
        self._jobs: dict[str, Job] = {}
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="studio jobs", daemon=True)
        self._thread.start()

    def submit(self, plan: JobPlan, source: StudioFile, *, preview: bool = False) -> Job:
        """Put a run at the end of the queue."""
        job = Job(secrets.token_urlsafe(9), plan, source, preview)
        with self._lock:
            self._jobs[job.id] = job
        self._waiting.put(job)
        return job

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs as the page shows them, in the order in which they came."""
        with self._lock:
            return [job.to_json() for job in self._jobs.values()]

    def job(self, job_id: str) -> Job:
        """Return a job; KeyError if there is none."""
        with self._lock:
            return self._jobs[job_id]

    def uses(self, file: StudioFile) -> bool:
        """Return whether a job that has not ended reads this file: as its input, background, cover, mask or audit."""
        return any(str(file.path) in (argument, argument.partition("=")[2]) for job in self._unfinished() for argument in job.plan.command)

    def outputs(self) -> set[Path]:
        """Return what the jobs that have not ended will have written."""
        return {path for job in self._unfinished() for path in job.plan.outputs}

    def _unfinished(self) -> list[Job]:
        with self._lock:
            return [job for job in self._jobs.values() if job.state in ("waiting", "running")]

    def cancel(self, job_id: str) -> None:
        """End a job; what it was writing is removed by its process. KeyError if there is none."""
        with self._lock:
            job, process = self._jobs[job_id], self._process
            was_running = job.state == "running"
            if job.state in ("waiting", "running"):
                job.state = "cancelled"
        if was_running and process is not None:
            _end(process)

    def close(self) -> None:
        """Cancel everything and wait for the running process to end."""
        self._closed = True
        for job in list(self._jobs):
            self.cancel(job)
        self._waiting.put(None)
        self._thread.join(CANCEL_SECONDS + 5)

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            with self._lock:
                if job.state != "waiting" or self._closed:
                    continue
                job.state = "running"
                try:
                    # In a session of its own: Ctrl-C in the terminal is the studio's to pass on.
                    process = self._process = subprocess.Popen(
                        [sys.executable, "-m", "p3mvideo", *job.plan.command],
                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                        text=True, errors="replace", start_new_session=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
                    )  # fmt: skip
                except OSError as error:
                    job.state, job.messages = "failed", [f"cannot start: {error.strerror}"]
                    continue
            self._follow(job, process)
            with self._lock:
                self._process = None

    def _follow(self, job: Job, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            with self._lock:
                _note(job, line.rstrip())
        code = process.wait()
        complete = code in (ExitCode.DONE, ExitCode.DAMAGED, ExitCode.NO_FACE)
        results = [self._add_result(path) for path in job.plan.outputs if path.exists()] if complete else []
        with self._lock:
            if job.state == "cancelled":
                return
            job.results = results
            job.state = "done" if complete else "failed"
            if code < 0 and not complete:
                job.messages.append(f"the process was ended by {signal.Signals(-code).name}")


def _note(job: Job, line: str) -> None:
    """Take a line of `--progress json`, or of anything else."""
    if line.startswith("{"):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            progress = json.loads(line)
            job.step = Path(str(progress["input"])).name
            job.done, job.total, job.rate = int(progress["frames_done"]), progress["frames"], float(progress["frames_per_second"])
            return
    if line:
        job.messages = [*job.messages, line][-MESSAGES:]


def _end(process: subprocess.Popen[str]) -> None:
    """Ask a process to clean up and end; kill it if it does not."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)

    def kill() -> None:
        deadline = time.monotonic() + CANCEL_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if process.poll() is None:
            process.kill()

    threading.Thread(target=kill, name="studio cancel", daemon=True).start()
