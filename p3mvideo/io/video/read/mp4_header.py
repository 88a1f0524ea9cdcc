"""Reads the part of an mp4 or QuickTime file that describes its tracks, for what FFmpeg does not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FIRST_BOXES: Final = (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip", b"pnot")
MAX_BOXES: Final = 1000
"""Boxes on the top level before `moov`; a file with more is no recording."""
MAX_BYTES: Final = 64 << 20


def mp4_header(path: Path) -> bytes:
    """Return the content of the box `moov` (ISO/IEC 14496-12, section 8.2.1), empty if the file is of another kind or damaged."""
    size, position = path.stat().st_size, 0
    with path.open("rb") as file:
        for _ in range(MAX_BOXES):
            file.seek(position)
            head = file.read(16)
            length, kind, body = int.from_bytes(head[:4], "big"), head[4:8], 8
            if len(head) < 8 or (position == 0 and kind not in FIRST_BOXES):
                break
            if length == 1:
                length, body = int.from_bytes(head[8:16], "big"), 16
            elif length == 0:
                length = size - position
            if length < body:
                break
            if kind == b"moov":
                file.seek(position + body)
                return file.read(min(length - body, MAX_BYTES))
            position += length
    return b""
