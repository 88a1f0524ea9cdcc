"""A bounded queue between two threads that either side can end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class QueueClosed(Exception):
    """The queue takes no more items."""


class QueueFailed(QueueClosed):
    """The queue was ended by a failure, which is this error's `__cause__`."""


class ClosableQueue(Generic[T]):
    """A bounded first-in first-out queue for any number of threads.

    It ends in one of two ways, and either wakes every thread that waits in `put` or `get`:

    - `close()`: no more items come. Those that wait are still delivered, then the consumer sees the end.
    - `fail(error)`: something broke, on either side. Items that wait are discarded, and producer and consumer both get
      `QueueFailed`, chained to `error`.

    Args:
        capacity: How many items may wait, at least 1.
        drop_oldest: Whether `put` on a full queue discards the item that waited longest instead of blocking.
    """

    def __init__(self, capacity: int, *, drop_oldest: bool = False) -> None:
        if capacity < 1:
            raise ValueError(f"a queue holds at least 1 item, got {capacity}")
        self._capacity = capacity
        self._drop_oldest = drop_oldest
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._failure: BaseException | None = None
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many items were discarded to make room for newer ones."""
        return self._dropped

    def put(self, item: T) -> None:
        """Add an item; wait for room unless the oldest may be dropped.

        Raises:
            QueueClosed: The queue is closed, or was closed during the wait.
            QueueFailed: The queue failed.
        """
        with self._changed:
            while not self._ended() and self._full() and not self._drop_oldest:
                self._changed.wait()
            self._raise_failure()
            if self._closed:
                raise QueueClosed("the queue is closed")
            if self._full():
                self._items.popleft()
                self._dropped += 1
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> T | None:
        """Return the oldest item, or None at the end of the stream; wait until there is one or the other.

        Raises:
            QueueFailed: The queue failed.
        """
        with self._changed:
            while not self._ended() and not self._items:
                self._changed.wait()
            self._raise_failure()
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def __iter__(self) -> Iterator[T]:
        """Yield items until the end of the stream, without holding on to one that was yielded."""
        while (item := self.get()) is not None:
            yield item
            del item

    def close(self) -> None:
        """End the stream after the items that wait. May be called any number of times, by any thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End the stream at once because of `error`. May be called any number of times, by any thread; the first error counts."""
        with self._changed:
            if self._failure is None:
                self._failure = error
            self._items.clear()
            self._changed.notify_all()

    def _full(self) -> bool:
        return len(self._items) >= self._capacity

    def _ended(self) -> bool:
        return self._closed or self._failure is not None

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise QueueFailed(f"the stream was ended by {type(self._failure).__name__}: {self._failure}") from self._failure
