"""Calls that hang."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from p3mvideo.privacy.follow.watchdog import Watchdog


def test_results_and_errors_come_through() -> None:
    dog = Watchdog("test")
    assert dog.call(lambda: 6 * 7, limit_seconds=60) == 42

    def fails() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        dog.call(fails, limit_seconds=60)
    assert dog.call(threading.current_thread, limit_seconds=60) is not threading.current_thread()
    assert dog.close()
    assert dog.close()


def test_a_call_that_hangs_is_given_up_and_the_next_ones_fail_at_once() -> None:
    dog = Watchdog("test")
    release = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.1 s"):
        dog.call(release.wait, limit_seconds=0.1)
    with pytest.raises(TimeoutError, match="still hangs"):  # rather than: no answer within 60 s
        dog.call(lambda: 1, limit_seconds=60)
    release.set()
    assert answer_of(dog) == 1
    dog.close()


def answer_of(dog: Watchdog) -> int:
    """Return what a call returns once the one before it has come back."""
    while True:
        try:
            return dog.call(lambda: 1, limit_seconds=60)
        except TimeoutError:
            time.sleep(0.01)


def test_closing_does_not_wait_for_what_hangs() -> None:
    dog = Watchdog("test")
    release = threading.Event()
    with pytest.raises(TimeoutError):
        dog.call(release.wait, limit_seconds=0.05)
    assert not dog.close()  # or this test does not end
    assert not dog.close(), "the thread may still be in what it was called for"
    release.set()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a signal that stops a process")
def test_time_in_which_the_program_was_stopped_is_no_delay() -> None:
    code = (
        "import time; from p3mvideo.privacy.follow.watchdog import Watchdog; dog = Watchdog('test'); dog.call(lambda: 0, limit_seconds=99)\n"
        "print('ready', flush=True)\n"
        "print(dog.call(lambda: time.sleep(0.5) or 'late but well', limit_seconds=1.5), flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "late but well\n"
