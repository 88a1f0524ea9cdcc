"""Finds Dolby Vision whose colours only Dolby's own decoders show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from p3mvideo.errors import SourceError
from p3mvideo.io.video.read.mp4_header import mp4_header

HEAD_BYTES: Final = 4 << 20
"""How far into a Matroska file its tracks are looked for."""

# Dolby Vision Streams Within the ISO Base Media File Format, section 3.2: the boxes dvcC (profiles up to 7) and dvvC (8 to 10) of a sample entry.
_MP4_BOX = re.compile(rb"\x00\x00\x00\x20(?:dvcC|dvvC)(.{5})", re.DOTALL)
# Dolby Vision Streams Within Matroska: a BlockAdditionMapping whose type is the box's name and whose extra data are its content.
_MATROSKA_ELEMENT = re.compile(rb"\x41\xe7[\x81-\x88]\x00*(?:dvcC|dvvC).{0,32}?\x41\xed[\x85-\xfe](.{5})", re.DOTALL)


def refuse_unshowable_dolby_vision(path: Path) -> None:
    """Raise if a video is Dolby Vision without a base layer that others can show, which is profile 5: its planes are no YUV.

    Raises:
        SourceError: It is.
    """
    for found in (*_MP4_BOX.finditer(mp4_header(path)), *_MATROSKA_ELEMENT.finditer(_matroska_head(path))):
        record = found[1]
        profile, compatible_with = record[2] >> 1, record[4] >> 4
        if profile == 5 and not compatible_with:
            raise SourceError(
                f"cannot read {path}: it is Dolby Vision profile 5, whose colours would come out green and purple without Dolby's own decoder",
                hint="record or export it as HDR10, HLG or ordinary video (BT.709)",
            )


def _matroska_head(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(4)
        return file.read(HEAD_BYTES) if start == b"\x1aE\xdf\xa3" else b""
