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
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
