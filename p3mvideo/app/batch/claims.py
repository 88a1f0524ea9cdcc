"""Who works on what, said by files that several processes and machines see. A claim ends with its holder, or when that shows no life."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from p3mvideo.files.file_lock import Lock, lock
from p3mvideo.io.part_file import MACHINE

SIGNS_OF_LIFE = 4
"""How many a holder gives in the time after which it is taken for dead."""


class _Held(NamedTuple):
    token: str
    lock: Lock


class _Seen(NamedTuple):
    token: str
    changed_ns: int
    since: float
    """By this process's own clock: those of two machines may differ."""


class Claims:
    """The claims of this process. A context manager; leaving it releases all of them.

    On one machine a claim is a locked file, and ends with the process. Other machines see that the file changes from time to time, and take the
    claim over when it has not for a while. Should the holder be alive after all, both do the same work, and the last one's result stays.

    Args:
        expiry_seconds: How long a claim of another machine lasts without a sign of life.
    """

    def __init__(self, expiry_seconds: float) -> None:
        self._expiry_seconds = expiry_seconds
        self._held: dict[Path, _Held] = {}
        self._seen: dict[Path, _Seen] = {}
        self._mutex = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._show_life, name="claims", daemon=True)

    def __enter__(self) -> Claims:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        for path in list(self._held):
            self.release(path)

    def take(self, path: Path) -> bool:
        """Claim a path in a folder that is there; return whether no one else holds it.

        Raises:
            OSError: The folder cannot be written.
        """
        if path.exists() and not self._clear(path):
            return False
        token = f"{MACHINE}{secrets.token_hex(8)}"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except FileExistsError:
            return False  # another process was faster
        os.write(descriptor, token.encode())
        os.close(descriptor)
        try:
            held = lock(path)
        except OSError:
            return False
        if held is None or not held.holds(path):
            return False  # another process took it for that of a dead one, between the two steps
        with self._mutex:
            self._held[path] = _Held(token, held)
        return True

    def take_dead(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Yield each path that is claimed by a holder which is dead, claimed for this process; watch the claims until that is known of all.

        Raises:
            OSError: The folder cannot be written.
        """
        first = {path: found for path in paths if path not in self._held and (found := self._read(path)) is not None}
        while first:
            for path, found in list(first.items()):
                if self._read(path) != found or (found[0].startswith(MACHINE) and self._is_locked(path)):
                    del first[path]  # it has shown life, or was given back
                elif self.take(path):
                    del first[path]
                    yield path
            if first:
                time.sleep(min(1.0, self._expiry_seconds / SIGNS_OF_LIFE))

    def holds(self, path: Path) -> bool:
        """Return whether this process has claimed a path."""
        return path in self._held

    def release(self, path: Path) -> None:
        """Give a claim back."""
        with self._mutex:
            held = self._held.pop(path, None)
        if held is not None:
            found = self._read(path)
            if found is not None and found[0] == held.token:
                with contextlib.suppress(OSError):
                    path.unlink()
            held.lock.release()

    def _clear(self, path: Path) -> bool:
        """Remove the claim of a dead holder; return whether the way is free."""
        found = self._read(path)
        if found is None:
            return True
        if not self._is_dead(path, *found):
            return False
        # Of several processes that see the same, only one can rename it; what it has then may still be a fresh claim that came in between.
        away = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
        try:
            os.rename(path, away)
            taken = away.read_text(encoding="ascii", errors="replace")
            if taken != found[0]:
                os.link(away, path)
            away.unlink()
        except OSError:
            return False
        return taken == found[0]

    def _is_dead(self, path: Path, token: str, changed_ns: int) -> bool:
        if path in self._held:
            return False
        if token.startswith(MACHINE) or not token:  # or one whose holder was killed before it had said who it is
            locked = self._is_locked(path)
            if locked is not None:
                return not locked
        before = self._seen.get(path)
        now = time.monotonic()
        if before is None or (before.token, before.changed_ns) != (token, changed_ns):
            self._seen[path] = _Seen(token, changed_ns, now)
            return False
        return now - before.since > self._expiry_seconds

    def _is_locked(self, path: Path) -> bool | None:
        """Return whether a process of this machine holds a claim of this machine; None where that cannot be known."""
        try:
            probe = lock(path)
        except OSError:
            return None
        if probe is None:
            return True
        probe.release()
        return False if probe.is_real else None

    def _read(self, path: Path) -> tuple[str, int] | None:
        """Return the token of a claim and when it last showed life, None if there is none."""
        try:
            with path.open(encoding="ascii", errors="replace") as file:  # opened, so that a network file system asks its server
                return file.read(), os.fstat(file.fileno()).st_mtime_ns
        except OSError:
            return None

    def _show_life(self) -> None:
        while not self._stopped.wait(self._expiry_seconds / SIGNS_OF_LIFE):
            with self._mutex:
                paths = list(self._held)
            for path in paths:
                with contextlib.suppress(OSError):
                    os.utime(path)
