"""Files that are written in one step: under its name each is the old one or the whole new one, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_PART = re.compile(r"\.([0-9a-f]{8})[0-9a-f]{8}\.part")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file in one step, see `atomic_file`.

    Raises:
        OSError: It cannot be written; nothing is left behind.
    """
    with atomic_file(path) as file:
        file.write(content)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file beside its final name; at the end it is brought to the disk and renamed, and what was there is replaced.

    Several processes may do so at once: the last one wins. Nothing but the file itself is ever opened, no link and no file of a similar name.

    Raises:
        OSError: It cannot be written. After any exception nothing is left behind.
    """
    # Short, so that it fits wherever the name itself does.
    part = path.with_name(f".{mark_of(path)}{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def mark_of(path: Path) -> str:
    """Return what the names of a file's parts begin with."""
    return hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]


def mark_in(name: str) -> str | None:
    """Return the mark of the file whose part has this name, None if it is no part."""
    found = _PART.fullmatch(name)
    return None if found is None else found[1]
