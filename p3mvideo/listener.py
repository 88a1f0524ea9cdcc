"""How a long run tells its caller how it goes on."""

from __future__ import annotations

from collections.abc import Mapping


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
