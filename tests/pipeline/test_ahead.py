import threading
from collections.abc import Iterator

import pytest

from p3mvideo.pipeline.ahead import ahead
from tests.pipeline.fakes import Fault


class Counted:
    """Yields numbers, and notes how many were taken, by which thread, and which one closed it."""

    def __init__(self, fault_at: int = -1) -> None:
        self.taken = 0
        self.threads: set[str] = set()
        self.closed_by = ""
        self._fault_at = fault_at

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(100):
                self.threads.add(threading.current_thread().name)
                if number == self._fault_at:
                    raise Fault("broken")
                self.taken += 1
                yield number
        finally:
            self.closed_by = threading.current_thread().name


def test_all_items_come_in_order_from_another_thread() -> None:
    counted = Counted()
    assert list(ahead(counted)) == list(range(100))
    assert counted.threads == {"p3mvideo ahead"}


def test_no_more_items_are_taken_than_may_wait() -> None:
    counted, released = Counted(), threading.Event()
    items = ahead(counted, count=3)
    for number in range(10):
        assert next(items) == number
        released.wait(0.01)
        assert counted.taken <= number + 1 + 3 + 1  # those that wait, and the one that waits to be put there


def test_a_fault_comes_behind_the_items_before_it() -> None:
    items = ahead(Counted(fault_at=5), count=2)
    assert [next(items) for _ in range(5)] == list(range(5))
    with pytest.raises(Fault, match="broken"):
        next(items)


@pytest.mark.parametrize("nested", [False, True])
def test_what_no_one_asks_for_any_more_ends_in_its_own_thread(nested: bool) -> None:
    counted = Counted()
    items = ahead(ahead(counted)) if nested else ahead(counted)
    next(items)
    items.close()
    assert counted.closed_by == "p3mvideo ahead"
    assert counted.taken < 100


def test_closing_does_not_wait_for_what_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.pipeline.ahead.CLOSE_SECONDS", 0.05)
    hangs, released, ended = threading.Event(), threading.Event(), threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield 0
            hangs.set()
            released.wait()
            yield 1
        finally:
            ended.set()

    def doubled(items: Iterator[int]) -> Iterator[int]:
        for number in items:
            yield 2 * number

    items = ahead(doubled(ahead(numbers())))
    assert next(items) == 0
    assert hangs.wait(60)
    items.close()
    released.set()
    assert ended.wait(60)
