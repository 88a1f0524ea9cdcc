"""Finds files that end too early where FFmpeg takes it for their end."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

Y4M_MAGIC: Final = b"YUV4MPEG2 "
EBML_ID: Final = 0x1A45DFA3
SEGMENT_ID: Final = 0x18538067


def is_cut_short(path: Path, last_position: int) -> bool:
    """Return whether a file ends before its end.

    That is where Matroska is shorter than its one segment says (RFC 8794, RFC 9559), and where y4m has a part of a frame
    behind the last whole one. Of other files False is returned.

    Args:
        path: The file.
        last_position: The position behind the last packet that was read.
    """
    with path.open("rb") as file:
        start = file.read(len(Y4M_MAGIC))
        size = path.stat().st_size
        if start == Y4M_MAGIC:
            return size > last_position
        file.seek(0)
        return _is_segment_cut_short(file, size)


def _is_segment_cut_short(file: BinaryIO, file_size: int) -> bool:
    if _read_id(file) != EBML_ID:
        return False
    header = _read_size(file)
    if header is None:
        return False
    file.seek(header, 1)
    if _read_id(file) != SEGMENT_ID:
        return False
    size = _read_size(file)
    return size is not None and file.tell() + size > file_size


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
