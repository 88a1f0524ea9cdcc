"""Reads from a pipe such that another thread can end the waiting."""

from __future__ import annotations

import io
import select
import sys
import threading
from typing import BinaryIO, Final

POLL_SECONDS: Final = 0.1


class PipeReader:
    """What FFmpeg needs of a file object, over a binary stream that cannot be searched.

    Args:
        stream: The stream, such as `sys.stdin.buffer`. It stays open.
    """

    name = "<pipe>"

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.received = 0
        """Bytes that came so far."""
        self._ahead = b""
        self._stopped = threading.Event()
        self._descriptor = _waitable(stream)

    def stop(self) -> None:
        """Let a waiting `read`, in whichever thread, return as at the end. May be called any number of times."""
        self._stopped.set()

    def peek(self, size: int) -> bytes:
        """Return the first `size` bytes, or fewer at the end, without consuming them."""
        while len(self._ahead) < size and (more := self._read_some(size - len(self._ahead))):
            self._ahead += more
        return self._ahead

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, all that are left if negative, none at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        return self._read_some(size)

    def _read_some(self, size: int) -> bytes:
        if self._descriptor is not None:
            while not self._stopped.is_set():
                if select.select([self._descriptor], [], [], POLL_SECONDS)[0]:
                    break
        if self._stopped.is_set():
            return b""
        # From a real pipe what is there, without waiting for the rest.
        data = self._stream.read1(size) if isinstance(self._stream, io.BufferedReader) else self._stream.read(size)
        self.received += len(data)
        return data


def _waitable(stream: BinaryIO) -> int | None:
    """Return the descriptor to wait for, None where waiting is neither possible nor needed."""
    if sys.platform == "win32":
        return None  # select knows sockets only there
    try:
        return stream.fileno()
    except (OSError, AttributeError):
        return None
