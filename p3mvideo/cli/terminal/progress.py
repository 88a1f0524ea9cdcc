"""How a run shows its progress on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.listener import BatchProgress, Listener

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

State = Literal["running", "done", "failed"]
PLAIN_SECONDS = 5.0
"""Between two plain lines."""
JSON_SECONDS = 0.5
"""Between two JSON lines."""


class ProgressDisplay(Listener):
    """A listener that shows how far a task has come. A context manager; as it is, it shows nothing but messages.

    Args:
        prose: Whether messages are printed.
    """

    def __init__(self, *, prose: bool) -> None:
        self._prose = prose

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def message(self, text: str) -> None:
        """See `Listener`."""
        if self._prose:
            print(text, file=sys.stderr, flush=True)


def make_progress(show: DisplayOptions = DisplayOptions(), *, unit: str = "frames") -> ProgressDisplay:
    """Return the display for `--progress`; `auto` is a bar on a terminal and plain lines elsewhere.

    Every line of `json` is an object with `input`, `frames_done`, `frames` (null if unknown), `frames_per_second` and `state`: running,
    done or failed. There is at least one for each input that was opened. What is counted may have another name than frames: `unit`. Runs over many
    inputs with the options of batches also write objects with `inputs_ended`, `inputs_failed`, `inputs`, `share` (0 to 1) and `seconds_left`.
    """
    if show.quiet or show.progress == "none":
        return ProgressDisplay(prose=not show.quiet)
    if show.progress == "json":
        return _JsonLines(unit, prose=False)
    if show.progress == "auto" and sys.stderr.isatty():
        return _Bar(unit, prose=True)
    return _PlainLines(unit, prose=True)


class _PlainLines(ProgressDisplay):
    """Writes a line from time to time."""

    interval_seconds = PLAIN_SECONDS

    def __init__(self, unit: str, *, prose: bool) -> None:
        super().__init__(prose=prose)
        self._unit = unit
        self._name = self._note = ""
        self._total: int | None = None
        self._done = self._first = 0
        self._started = self._said = self._said_overall = 0.0

    def begin(self, task: str, total: int | None = None, *, done: int = 0, number: int = 1, of: int = 1) -> None:
        self._name, self._total, self._done, self._first = (task if of == 1 else f"{task} ({number} of {of})"), total, done, done
        self._started = self._said = time.monotonic()

    def figures(self, values: Mapping[str, float]) -> None:
        self._note = _note_of(values, self._note)

    def advance(self, done: int) -> None:
        self._done = done
        now = time.monotonic()
        if now - self._said >= self.interval_seconds:
            self._said = now
            self._say("running")

    @property
    def _rate(self) -> float:
        return (self._done - self._first) / max(time.monotonic() - self._started, 1e-6)

    def _say(self, state: State) -> None:
        text = f"{self._rate:.1f} {self._unit} per second"
        if not self._total:
            text = f"{self._name}: {self._done} {self._unit}, {text}"
        else:
            left = max(0.0, (self._total - self._done) / max(self._rate, 1e-6))
            text = f"{self._name}: {self._done} of {self._total} {self._unit}, {text}, {left:.0f} s left"
        print(", ".join(part for part in (text, self._note) if part), file=sys.stderr, flush=True)

    def overall(self, progress: BatchProgress) -> None:
        now = time.monotonic()
        if now - self._said_overall >= self.interval_seconds or progress.ended == progress.of:
            self._said_overall = now
            print(overall_text(progress), file=sys.stderr, flush=True)


class _JsonLines(_PlainLines):
    """Writes a JSON object from time to time, and one at the end of each input."""

    interval_seconds = JSON_SECONDS

    def begin(self, task: str, total: int | None = None, *, done: int = 0, number: int = 1, of: int = 1) -> None:
        super().begin(task, total, done=done)

    def end(self, *, failed: bool = False) -> None:
        if self._name:
            self._say("failed" if failed else "done")
        self._name = ""

    def overall(self, progress: BatchProgress) -> None:
        left = None if progress.seconds_left is None else round(progress.seconds_left, 1)
        line = {"inputs_ended": progress.ended, "inputs_failed": progress.failed, "inputs": progress.of, "share": round(progress.share, 4)}
        print(json.dumps(line | {"seconds_left": left}), file=sys.stderr, flush=True)

    def _say(self, state: State) -> None:
        line = {"input": self._name, f"{self._unit}_done": self._done, self._unit: self._total}
        print(json.dumps(line | {f"{self._unit}_per_second": round(self._rate, 2), "state": state}), file=sys.stderr, flush=True)


class _Bar(ProgressDisplay):
    """A bar with rate and time left."""

    def __init__(self, unit: str, *, prose: bool) -> None:
        super().__init__(prose=prose)
        self._short = "fps" if unit == "frames" else f"{unit}/s"
        self._progress: Progress | None = None
        self._current: TaskID | None = None
        self._whole: TaskID | None = None
        self._started, self._first, self._note = 0.0, 0, ""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def begin(self, task: str, total: int | None = None, *, done: int = 0, number: int = 1, of: int = 1) -> None:
        assert self._progress is not None
        if self._current is not None:
            self._progress.remove_task(self._current)
        self._started, self._first = time.monotonic(), done
        self._current = self._progress.add_task(task if of == 1 else f"{task} ({number}/{of})", total=total, completed=done, rate="")

    def figures(self, values: Mapping[str, float]) -> None:
        self._note = _note_of(values, self._note)

    def advance(self, done: int) -> None:
        assert self._progress is not None
        assert self._current is not None
        rate = (done - self._first) / max(time.monotonic() - self._started, 1e-6)
        self._progress.update(self._current, completed=done, rate=f"{rate:.1f} {self._short} {self._note}".rstrip())

    def overall(self, progress: BatchProgress) -> None:
        assert self._progress is not None
        if self._whole is None:
            self._whole = self._progress.add_task("", total=progress.of, rate="")
        self._progress.update(self._whole, description="all inputs", total=progress.of, completed=progress.ended, rate=overall_text(progress))


def overall_text(progress: BatchProgress) -> str:
    """Return how far a run over many inputs has come."""
    failed = f", {progress.failed} failed" if progress.failed else ""
    left = "" if progress.seconds_left is None else f", {timedelta(seconds=round(progress.seconds_left))} left"
    return f"{progress.ended} of {progress.of} inputs{failed}, {100 * progress.share:.0f} %{left}"


def _note_of(values: Mapping[str, float], former: str) -> str:
    """Return what is shown beside the progress: loss and speed, while a network is trained."""
    if "total" not in values:
        return former
    speed = f", {values['samples_per_second']:.1f} samples per second" if "samples_per_second" in values else ""
    return f"loss {values['total']:.3f}{speed}"


def counting(display: Listener, name: str) -> Callable[[int, int], None]:
    """Return a function that shows progress when it is called with the number of things done and of all."""
    begun = False

    def advance(done: int, of: int) -> None:
        nonlocal begun
        if not begun:
            begun = True
            display.begin(name, of)
        display.advance(done)

    return advance
