"""What identifies an input, whatever its name."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from p3mvideo.files.file_hash import add_file
from p3mvideo.io.av_errors import reading
from p3mvideo.io.images.sequence_pattern import find_numbered
from p3mvideo.io.inputs import Input


class Fingerprint(NamedTuple):
    """Size and hash of the content of an input."""

    size_bytes: int
    sha256: str


def fingerprint(item: Input) -> Fingerprint:
    """Return what identifies an input other than a pipe: of a sequence, all of its files in their order.

    Raises:
        SourceError: A file cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    for path in find_numbered(item.path).values() if item.kind == "sequence" else [item.path]:
        with reading(path):
            size += add_file(digest, path)
    return Fingerprint(size, digest.hexdigest())
