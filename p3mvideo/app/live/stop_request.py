"""Ending a live run when the user, the system or the terminal says so."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Self

SIGNALS = tuple(number for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")) if number is not None)
"""Ctrl-C, the end of the session, the closed terminal."""
ECHO_SECONDS = 1.0
"""Signals so soon after the first one are the same wish: wrappers pass Ctrl-C on to who has heard it already."""


class StopRequest:
    """Is set by Ctrl-C, SIGTERM or SIGHUP, so that a run can come to its end by itself; another one, later, interrupts that.

    A context manager. Signals are heard in the main thread only; elsewhere `set` is the way.
    """

    def __init__(self) -> None:
        # No lock is taken in the handler: it may interrupt whoever holds it.
        self._is_set = False
        self._heard_at = 0.0
        self._former: dict[int, object] = {}

    def set(self) -> None:
        """Ask for the end."""
        self._is_set = True

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._is_set

    def wait(self, seconds: float) -> None:
        """Wait for it, but not longer than the time given."""
        if not self._is_set:
            time.sleep(seconds)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            wanted = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
            self._former = {number: signal.signal(number, self._heard) for number in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # it came from there

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if not self._is_set:
            self._is_set, self._heard_at = True, time.monotonic()
        elif time.monotonic() - self._heard_at > ECHO_SECONDS:
            raise KeyboardInterrupt(signal.Signals(number).name)
