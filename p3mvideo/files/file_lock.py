"""Locks on files and folders that end with the process that holds them, however that ends."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

FOLDER_SECONDS: Final = 5.0
"""How long another run may keep a folder to itself while it looks around in it; longer, and it is passed over."""


class Lock:
    """A lock on a file or folder; `lock` makes it. Where the file system has none, it is one in name only.

    Args:
        descriptor: Of the open file, -1 if there is none.
        is_real: Whether the file is locked.
    """

    def __init__(self, descriptor: int, *, is_real: bool) -> None:
        self._descriptor = descriptor
        self.is_real = is_real
        """Whether no one else holds it; False where that cannot be known."""

    def holds(self, path: Path) -> bool:
        """Return whether what has this name now is what was locked."""
        try:
            status = path.lstat()
        except OSError:
            return False
        return self._descriptor < 0 or os.path.samestat(os.fstat(self._descriptor), status)

    def release(self) -> None:
        """Let go, for processes that were forked meanwhile too. May be called any number of times."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            _unlock(descriptor)
            os.close(descriptor)


if sys.platform == "win32":

    def lock(path: Path) -> Lock | None:
        """Lock nothing: an open file could not be renamed."""
        return Lock(-1, is_real=False)

    def _unlock(descriptor: int) -> None:
        raise AssertionError(descriptor)
else:

    def lock(path: Path) -> Lock | None:
        """Lock a file or folder, which is no link; None if another run holds it.

        Raises:
            OSError: It is not there, or may not be opened.
        """
        flags = os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(path, os.O_RDWR | flags)  # NFS locks no file that is only read
        except OSError:  # a folder, or a file that may not be written
            descriptor = os.open(path, os.O_RDONLY | flags)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:  # a file system without locks
            return Lock(descriptor, is_real=False)
        return Lock(descriptor, is_real=True)

    def _unlock(descriptor: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep other runs from doing the same in this folder meanwhile, where the file system can."""
    deadline = time.monotonic() + FOLDER_SECONDS
    held = None
    while held is None and time.monotonic() < deadline:
        try:
            held = lock(folder.resolve())
        except OSError:  # a folder that may be written, but not read
            break
        if held is None:
            time.sleep(0.01)
    try:
        yield
    finally:
        if held is not None:
            held.release()
