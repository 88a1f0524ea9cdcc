"""Run stages in threads and end them together, whatever happens."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import NamedTuple, TypeVar

from p3mvideo.pipeline.frame_queue import QueueClosed

Result = TypeVar("Result")

STOP_SECONDS = 1.5
"""How long the threads get to end after the first failure. With what a caller does then, a run ends within 2 s of a failure."""

SIGNALS = tuple(number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None)
"""Ctrl-C, the end of the session, and the closed terminal, which Windows does not have."""

WAKE_SECONDS = 0.2
"""How often the waiting thread looks around: where a wait cannot be interrupted, this is when it notices Ctrl-C."""


class Report(NamedTuple):
    """What a thread says last, or someone outside of the stages at any time."""

    stage: str | None
    error: BaseException | None


Reports = SimpleQueue[Report]


def run_stages(stages: Mapping[str, Callable[[], None]], *, stop: Callable[[BaseException], None], reports: Reports | None = None) -> None:
    """Run each stage in a thread of its own until all of them have ended.

    The calling thread does none of the work: it waits for reports, so it can always react. On the first failure, Ctrl-C,
    SIGTERM or SIGHUP it calls `stop`, which has to make every blocking call between the stages raise `QueueClosed`. A stage that ends
    with `QueueClosed` was told to stop and has nothing to say. Then the threads have `STOP_SECONDS` to end. One that hangs in a
    foreign call is left behind, as a daemon, and named in a note on the error.

    Ctrl-C, SIGTERM and SIGHUP become a report instead of an exception in the middle of something, if this is the main thread and they
    are not ignored. The former handlers come back at the end.

    Args:
        stages: What to run, by the name to report it with.
        stop: Called at most once, with the first failure.
        reports: Where other threads report a failure that no stage can, such as one that hangs.

    Raises:
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP.
        BaseException: The first failure of a stage. What failed after it is added to it as notes.
    """
    reports = SimpleQueue() if reports is None else reports
    threads = {
        name: threading.Thread(target=_run_stage, args=(name, body, reports), name=f"p3mvideo {name}", daemon=True) for name, body in stages.items()
    }
    with _signals_reported(reports):
        for thread in threads.values():
            thread.start()
        failure = _wait_for_all(threads, reports, stop)
    if failure is not None:
        try:
            raise failure
        finally:
            # The failure's traceback holds this call's variables: without this, they would hold each other, and every image.
            del failure


def run_interruptibly(name: str, body: Callable[[], Result], *, stop: Callable[[BaseException], None] = lambda error: None) -> Result:
    """Return what `body` returns, run as the only stage: Ctrl-C is heard even while it hangs in a foreign call.

    Args:
        name: What to call it in notes.
        body: What to run.
        stop: Called with the failure; should make `body` raise `QueueClosed`.

    Raises:
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP.
        BaseException: What `body` raised.
    """
    results: list[Result] = []
    run_stages({name: lambda: results.append(body())}, stop=stop)
    return results[0]


def _run_stage(name: str, body: Callable[[], None], reports: Reports) -> None:
    """Run one stage and report how it ended, whatever it raised."""
    try:
        body()
    except QueueClosed:
        reports.put(Report(name, None))
    except BaseException as error:
        reports.put(Report(name, error))
    else:
        reports.put(Report(name, None))


def _wait_for_all(threads: Mapping[str, threading.Thread], reports: Reports, stop: Callable[[BaseException], None]) -> BaseException | None:
    """Wait until every thread has ended, or a failure and `STOP_SECONDS` have passed; return the first failure."""
    running = dict(threads)
    failure: BaseException | None = None
    deadline = float("inf")
    while running and time.monotonic() < deadline:
        try:
            stage, error = reports.get(timeout=max(0.0, min(WAKE_SECONDS, deadline - time.monotonic())))
        except Empty:
            continue
        if stage is not None:
            # The report was the last thing that the thread did.
            running.pop(stage).join(STOP_SECONDS)
        if error is None:
            continue
        if failure is None:
            failure = error
            deadline = time.monotonic() + STOP_SECONDS
            stop(failure)
        elif stage is not None:
            failure.add_note(f"after that, {stage} failed too: {type(error).__name__}: {error}")
    if failure is not None and running:
        failure.add_note(f"still busy {STOP_SECONDS} s after that, and left behind: {', '.join(running)}")
    return failure


@contextmanager
def _signals_reported(reports: Reports) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into reports; nothing is changed outside the main thread, which alone may set handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def report(number: int, _frame: FrameType | None) -> None:
        # SimpleQueue.put, unlike other locking calls, may interrupt itself.
        reports.put(Report(None, KeyboardInterrupt(signal.Signals(number).name)))

    former = {number: signal.getsignal(number) for number in SIGNALS}
    replaced = {number: handler for number, handler in former.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in replaced:
            signal.signal(number, report)
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)
