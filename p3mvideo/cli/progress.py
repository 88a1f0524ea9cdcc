"""How a run shows its progress on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

if TYPE_CHECKING:
    from rich.progress import Progress

ProgressKind = Literal["auto", "plain", "json", "none"]
PLAIN_SECONDS = 5.0
"""Between two plain lines."""
JSON_SECONDS = 0.5
"""Between two JSON lines."""


class ProgressDisplay(Protocol):
    """Shows how far an input has come. A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, name: str, number: int, of: int, frames: int | None) -> None:
        """Start an input."""
        ...

    def advance(self, frames_out: int) -> None:
        """Say how many frames of the input are written."""
        ...


def make_progress(kind: ProgressKind, *, quiet: bool) -> ProgressDisplay:
    """Return the display for `--progress`; `auto` is a bar on a terminal and plain lines elsewhere."""
    if quiet or kind == "none":
        return _Silent()
    if kind == "json":
        return _Lines(_json_line, JSON_SECONDS)
    if kind == "auto" and sys.stderr.isatty():
        return _Bar()
    return _Lines(_plain_line, PLAIN_SECONDS)


class _Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, name: str, number: int, of: int, frames: int | None) -> None:
        pass

    def advance(self, frames_out: int) -> None:
        pass


class _Lines(_Silent):
    """Writes a line from time to time."""

    def __init__(self, write: Callable[[str, int, int | None, float], str], interval_seconds: float) -> None:
        self._write = write
        self._interval = interval_seconds
        self._name = ""
        self._frames: int | None = None
        self._started = self._said = 0.0

    def begin(self, name: str, number: int, of: int, frames: int | None) -> None:
        self._name, self._frames = (name if of == 1 else f"{name} ({number} of {of})"), frames
        self._started = self._said = time.monotonic()

    def advance(self, frames_out: int) -> None:
        now = time.monotonic()
        if now - self._said >= self._interval:
            self._said = now
            rate = frames_out / max(now - self._started, 1e-6)
            print(self._write(self._name, frames_out, self._frames, rate), file=sys.stderr, flush=True)


def _plain_line(name: str, done: int, frames: int | None, rate: float) -> str:
    if not frames:
        return f"{name}: {done} frames, {rate:.1f} frames per second"
    left = max(0.0, (frames - done) / max(rate, 1e-6))
    return f"{name}: {done} of {frames} frames, {rate:.1f} frames per second, {left:.0f} s left"


def _json_line(name: str, done: int, frames: int | None, rate: float) -> str:
    return json.dumps({"input": name, "frames_done": done, "frames": frames, "frames_per_second": round(rate, 2)})


class _Bar(_Silent):
    """A bar with rate and time left."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._started = 0.0

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def begin(self, name: str, number: int, of: int, frames: int | None) -> None:
        assert self._progress is not None
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._started = time.monotonic()
        self._current = self._progress.add_task(name if of == 1 else f"{name} ({number}/{of})", total=frames, rate="")

    def advance(self, frames_out: int) -> None:
        assert self._progress is not None
        rate = frames_out / max(time.monotonic() - self._started, 1e-6)
        self._progress.update(self._current, completed=frames_out, rate=f"{rate:.1f} fps")
