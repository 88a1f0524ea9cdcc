"""Hashes of files of any size."""

from __future__ import annotations

import hashlib
from pathlib import Path


def file_sha256(*files: Path) -> str:
    """Return the hexadecimal SHA-256 of a file, or of several in a row.

    Raises:
        OSError: One cannot be read.
    """
    digest = hashlib.sha256()
    for path in files:
        add_file(digest, path)
    return digest.hexdigest()


def add_file(digest: hashlib._Hash, path: Path) -> int:
    """Add the content of a file to a hash and return its size in bytes.

    Raises:
        OSError: It cannot be read.
    """
    size = 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            size += len(block)
    return size
