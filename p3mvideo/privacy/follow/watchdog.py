"""Calling something that may hang, with a time limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")

SLICE_SECONDS = 0.1
CLOSE_SECONDS = 5.0
"""How long closing waits for a call that is not known to hang."""


class Call(Generic[Result]):
    """One call, its outcome, and whether it is done."""

    def __init__(self, function: Callable[[], Result]) -> None:
        self.function = function
        self.done = threading.Event()
        self.result: Result | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.function()
        except BaseException as error:  # handed to the caller, whatever it is
            self.error = error
        self.done.set()

    def outcome(self) -> Result:
        """Wait until the call is done, and return what the function returned, or raise what it raised."""
        self.done.wait()
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # set, since there was no error


def _wait(done: threading.Event, limit_seconds: float) -> bool:
    """Wait for an event for so long as this program runs: the time in which it is stopped, or the computer asleep, is no delay."""
    while limit_seconds > 0:
        if done.wait(min(SLICE_SECONDS, limit_seconds)):
            return True
        limit_seconds -= SLICE_SECONDS
    return done.is_set()


class Watchdog:
    """Runs one call after another on a thread of its own.

    A call that hangs is given up, never killed: until it returns, every other call fails at once. The thread does not keep the
    program from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Call[object] | None] = SimpleQueue()
        self._hanging: Call[object] | None = None
        self._thread: threading.Thread | None = None
        self._left: threading.Thread | None = None

    def call(self, function: Callable[[], Result], *, limit_seconds: float) -> Result:
        """Return what `function` returns, or raise what it raises.

        Raises:
            TimeoutError: It took longer than `limit_seconds`, or an earlier one has not returned yet.
        """
        if self._hanging is not None:
            if not self._hanging.done.is_set():
                raise TimeoutError("an earlier call still hangs")
            self._hanging = None
        call = self.begin(function)
        if not _wait(call.done, limit_seconds):
            self._hanging = call  # type: ignore[assignment]
            raise TimeoutError(f"no answer within {limit_seconds:g} s")
        return call.outcome()

    def begin(self, function: Callable[[], Result]) -> Call[Result]:
        """Let the thread run a call after those before it, and return without waiting for it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        call: Call[Result] = Call(function)
        self._calls.put(call)  # type: ignore[arg-type]  # the queue holds calls of every result
        return call

    def close(self) -> bool:
        """Let the thread end; waits for it unless it hangs. May be called any number of times.

        Returns:
            Whether it has ended: until then it may be inside of what the last call used.
        """
        thread, self._thread = self._thread, None
        if thread is not None:
            self._left = thread
            self._calls.put(None)
            if self._hanging is None or self._hanging.done.is_set():
                thread.join(timeout=CLOSE_SECONDS)
        return self._left is None or not self._left.is_alive()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
