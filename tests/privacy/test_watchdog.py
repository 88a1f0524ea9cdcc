"""Calls that hang."""

from __future__ import annotations

import threading
import time

import pytest

from p3mvideo.privacy.watchdog import Watchdog


def test_results_and_errors_come_through() -> None:
    dog = Watchdog("test")
    assert dog.call(lambda: 6 * 7, limit_seconds=5) == 42

    def fails() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        dog.call(fails, limit_seconds=5)
    assert dog.call(threading.current_thread, limit_seconds=5) is not threading.current_thread()
    dog.close()
    dog.close()


@pytest.mark.timeout(20)
def test_a_call_that_hangs_is_given_up_and_the_next_ones_fail_at_once() -> None:
    dog = Watchdog("test")
    release = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.1 s"):
        dog.call(release.wait, limit_seconds=0.1)
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="still hangs"):
        dog.call(lambda: 1, limit_seconds=60)
    assert time.monotonic() - started < 5
    release.set()
    time.sleep(0.2)
    assert dog.call(lambda: 1, limit_seconds=5) == 1
    dog.close()


@pytest.mark.timeout(20)
def test_closing_does_not_wait_for_what_hangs() -> None:
    dog = Watchdog("test")
    release = threading.Event()
    with pytest.raises(TimeoutError):
        dog.call(release.wait, limit_seconds=0.05)
    started = time.monotonic()
    dog.close()
    assert time.monotonic() - started < 2
    release.set()
