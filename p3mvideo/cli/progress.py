"""How a run shows its progress on standard error."""

from __future__ import annotations

import json
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

ProgressKind = Literal["auto", "plain", "json", "none"]
State = Literal["running", "done", "failed"]
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
        """Say how many frames of the input are written. Called in another thread."""
        ...

    def end(self, *, failed: bool) -> None:
        """End the input that was started last, if one was."""
        ...


def make_progress(kind: ProgressKind, *, quiet: bool) -> ProgressDisplay:
    """Return the display for `--progress`; `auto` is a bar on a terminal and plain lines elsewhere.

    Every line of `json` is an object with `input`, `frames_done`, `frames` (null if unknown), `frames_per_second` and `state`: running,
    done or failed. There is at least one for each input that was opened.
    """
    if quiet or kind == "none":
        return _Silent()
    if kind == "json":
        return _JsonLines()
    if kind == "auto" and sys.stderr.isatty():
        return _Bar()
    return _PlainLines()


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

    def end(self, *, failed: bool) -> None:
        pass


class _PlainLines(_Silent):
    """Writes a line from time to time."""

    interval_seconds = PLAIN_SECONDS

    def __init__(self) -> None:
        self._name = ""
        self._frames: int | None = None
        self._done = 0
        self._started = self._said = 0.0

    def begin(self, name: str, number: int, of: int, frames: int | None) -> None:
        self._name, self._frames, self._done = (name if of == 1 else f"{name} ({number} of {of})"), frames, 0
        self._started = self._said = time.monotonic()

    def advance(self, frames_out: int) -> None:
        self._done = frames_out
        now = time.monotonic()
        if now - self._said >= self.interval_seconds:
            self._said = now
            self._say("running")

    @property
    def _rate(self) -> float:
        return self._done / max(time.monotonic() - self._started, 1e-6)

    def _say(self, state: State) -> None:
        if not self._frames:
            text = f"{self._name}: {self._done} frames, {self._rate:.1f} frames per second"
        else:
            left = max(0.0, (self._frames - self._done) / max(self._rate, 1e-6))
            text = f"{self._name}: {self._done} of {self._frames} frames, {self._rate:.1f} frames per second, {left:.0f} s left"
        print(text, file=sys.stderr, flush=True)


class _JsonLines(_PlainLines):
    """Writes a JSON object from time to time, and one at the end of each input."""

    interval_seconds = JSON_SECONDS

    def begin(self, name: str, number: int, of: int, frames: int | None) -> None:
        super().begin(name, 1, 1, frames)

    def end(self, *, failed: bool) -> None:
        if self._name:
            self._say("failed" if failed else "done")
        self._name = ""

    def _say(self, state: State) -> None:
        line = {"input": self._name, "frames_done": self._done, "frames": self._frames}
        print(json.dumps(line | {"frames_per_second": round(self._rate, 2), "state": state}), file=sys.stderr, flush=True)


class _Bar(_Silent):
    """A bar with rate and time left."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._current: TaskID | None = None
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
        assert self._current is not None
        rate = frames_out / max(time.monotonic() - self._started, 1e-6)
        self._progress.update(self._current, completed=frames_out, rate=f"{rate:.1f} fps")
