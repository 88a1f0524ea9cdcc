"""A listener that keeps all that it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from p3mvideo.listener import BatchProgress, Listener


class Begun(NamedTuple):
    task: str
    total: int | None
    number: int
    of: int


class Heard(Listener):
    """Keeps messages, tasks, progress, ends and figures; `then` is called with each record of figures."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.messages: list[str] = []
        self.begun: list[Begun] = []
        self.advanced: list[tuple[str, int]] = []
        """Each task with what of it was done."""
        self.failed: list[bool] = []
        """For each task that ended."""
        self.told: list[BatchProgress] = []
        """How far the whole run had come."""
        self.records: list[Mapping[str, float]] = []
        self._then = then

    def message(self, text: str) -> None:
        self.messages.append(text)

    def begin(self, task: str, total: int | None = None, *, done: int = 0, number: int = 1, of: int = 1) -> None:
        self.begun.append(Begun(task, total, number, of))

    def advance(self, done: int) -> None:
        self.advanced.append((self.begun[-1].task, done))

    def end(self, *, failed: bool = False) -> None:
        self.failed.append(failed)

    def figures(self, values: Mapping[str, float]) -> None:
        self.records.append(values)
        self._then()

    def overall(self, progress: BatchProgress) -> None:
        self.told.append(progress)
