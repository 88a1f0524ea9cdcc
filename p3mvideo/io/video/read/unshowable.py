"""Finds videos whose images cannot be shown, although FFmpeg would decode something: encrypted ones, and Dolby Vision for Dolby's decoders alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from p3mvideo.errors import SourceError

# Sample entries of protected tracks (ISO/IEC 14496-12, section 8.12; drmi and drms are Apple's), whose six reserved bytes are zero.
_ENCRYPTED_VIDEO: Final = re.compile(rb"(?:encv|drmi)\x00{6}")
_ENCRYPTED_SOUND: Final = re.compile(rb"(?:enca|drms)\x00{6}")

# Dolby Vision Streams Within the ISO Base Media File Format, section 3.2: the boxes dvcC (profiles up to 7) and dvvC (8 to 10) of a sample entry.
_DOLBY_IN_MP4: Final = re.compile(rb"\x00\x00\x00\x20(?:dvcC|dvvC)(.{5})", re.DOTALL)
# Dolby Vision Streams Within Matroska: a BlockAdditionMapping whose type is the box's name and whose extra data are its content.
_DOLBY_IN_MATROSKA: Final = re.compile(rb"\x41\xe7[\x81-\x88]\x00*(?:dvcC|dvvC).{0,32}?\x41\xed[\x85-\xfe](.{5})", re.DOTALL)

FIRST_BOXES: Final = (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip", b"pnot")
MAX_BOXES: Final = 1000
"""Boxes on the top level before `moov`; a file with more is no recording."""
MAX_HEADER_BYTES: Final = 64 << 20
MATROSKA_MAGIC: Final = b"\x1aE\xdf\xa3"
MATROSKA_HEAD_BYTES: Final = 4 << 20
"""How far into a Matroska file its tracks are looked for."""


def refuse_unshowable(path: Path) -> None:
    """Raise if the images of a video cannot be shown.

    Raises:
        SourceError: They are encrypted, or Dolby Vision without a base layer for others, which is profile 5: its planes are no YUV.
    """
    header = _mp4_header(path)
    if _ENCRYPTED_VIDEO.search(header):
        raise SourceError(f"cannot read {path}: it is encrypted (copy protection)", hint="use a file without protection")
    for found in (*_DOLBY_IN_MP4.finditer(header), *_DOLBY_IN_MATROSKA.finditer(_matroska_head(path))):
        record = found[1]
        profile, compatible_with = record[2] >> 1, record[4] >> 4
        if profile == 5 and not compatible_with:
            raise SourceError(
                f"cannot read {path}: it is Dolby Vision profile 5, whose colours would come out green and purple without Dolby's own decoder",
                hint="record or export it as HDR10, HLG or ordinary video (BT.709)",
            )


def is_sound_encrypted(path: Path) -> bool:
    """Return whether sound of an mp4 or QuickTime file is encrypted."""
    return _ENCRYPTED_SOUND.search(_mp4_header(path)) is not None


def _mp4_header(path: Path) -> bytes:
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
                return file.read(min(length - body, MAX_HEADER_BYTES))
            position += length
    return b""


def _matroska_head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MATROSKA_HEAD_BYTES) if file.read(len(MATROSKA_MAGIC)) == MATROSKA_MAGIC else b""
