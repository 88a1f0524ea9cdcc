"""What FFmpeg does not tell of Matroska and WebM files."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

EBML_ID: Final = 0x1A45DFA3
SEGMENT_ID: Final = 0x18538067


def is_cut_short(path: Path) -> bool:
    """Return whether a Matroska file is shorter than its one segment says (RFC 8794, RFC 9559); False for other files."""
    with path.open("rb") as file:
        if _read_id(file) != EBML_ID:
            return False
        header = _read_size(file)
        if header is None:
            return False
        file.seek(header, 1)
        if _read_id(file) != SEGMENT_ID:
            return False
        size = _read_size(file)
        return size is not None and file.tell() + size > path.stat().st_size


def _read_id(file: BinaryIO) -> int:
    return int.from_bytes(file.read(4), "big")


def _read_size(file: BinaryIO) -> int | None:
    """Return a size of variable length, None if it is unknown, as in a file that was written to a pipe."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value
