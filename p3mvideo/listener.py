"""How a long run tells its caller how it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class BatchProgress(NamedTuple):
    """How far a run over many inputs has come."""

    ended: int
    """Inputs that are done or have failed."""
    failed: int
    """How many of them have failed."""
    of: int
    """Inputs in all."""
    share: float
    """How much of the work is done, from 0 to 1."""
    seconds_left: float | None
    """How long the rest will take; None while that cannot be told."""


class Listener:
    """Hears about a run. Every method may be overridden; as they are, they do nothing.

    A run does one task after the other: an input, a pass over it, a training. `advance` may be called from another thread.
    """

    def message(self, text: str) -> None:
        """A line for the user: which network runs where, what was left out."""

    def begin(self, task: str, total: int | None = None, *, done: int = 0, number: int = 1, of: int = 1) -> None:
        """A task begins.

        Args:
            task: What it is, such as the name of an input.
            total: How many frames, samples or files it has; None if that is unknown.
            done: How many of them were done before.
            number: Which task of its kind it is, from 1.
            of: How many tasks of its kind there are.
        """

    def advance(self, done: int) -> None:
        """So far, `done` of the total of the current task are done."""

    def end(self, *, failed: bool = False) -> None:
        """The current task has ended."""

    def figures(self, values: Mapping[str, float]) -> None:
        """Measured values of this moment, such as a loss or a validation score, by name."""

    def overall(self, progress: BatchProgress) -> None:
        """How far a run over many inputs has come as a whole. Where several are worked on at once, each begins and ends when it has ended."""

    def divided(self, parts: int) -> None:
        """The current task was divided into parts, which others may work on as well."""
