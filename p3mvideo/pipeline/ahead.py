"""Taking items from an iterator on another thread, before they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

from p3mvideo.pipeline.frame_queue import ClosableQueue, QueueClosed

T = TypeVar("T")

CLOSE_SECONDS = 1.0
"""How long closing waits for an item that the other thread is making: it may hang in a foreign call."""


def ahead(items: Iterable[T], *, count: int = 4) -> Generator[T]:
    """Yield the items of an iterable, which another thread takes from it.

    Args:
        items: Iterated by that thread alone, to the end or until this iterator is closed; if it is a generator, closed by that thread.
        count: How many items may wait to be asked for, at least 1.

    Raises:
        BaseException: What the iterable raised, behind the items before it.
    """
    waiting: ClosableQueue[T] = ClosableQueue(count)
    failures: list[BaseException] = []

    def take() -> None:
        try:
            for item in items:
                waiting.put(item)
        except QueueClosed:
            pass  # no one asks any more
        except BaseException as error:  # handed to the one who asks, whatever it is
            failures.append(error)
        finally:
            if isinstance(items, Generator):
                items.close()
            waiting.close()

    thread = threading.Thread(target=take, name="p3mvideo ahead", daemon=True)
    thread.start()
    try:
        yield from waiting
        if failures:
            raise failures[0]
    finally:
        waiting.close()
        thread.join(CLOSE_SECONDS)
