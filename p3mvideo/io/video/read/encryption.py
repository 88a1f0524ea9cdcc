"""Finds tracks that are encrypted, which decoders would take for damage."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from p3mvideo.errors import SourceError
from p3mvideo.io.video.read.mp4_header import mp4_header

# Sample entries of protected tracks (ISO/IEC 14496-12, section 8.12; drmi and drms are Apple's), whose six reserved bytes are zero.
_VIDEO: Final = re.compile(rb"(?:encv|drmi)\x00{6}")
_SOUND: Final = re.compile(rb"(?:enca|drms)\x00{6}")


def refuse_encrypted_video(path: Path) -> None:
    """Raise if the images of an mp4 or QuickTime file are encrypted.

    Raises:
        SourceError: They are.
    """
    if _VIDEO.search(mp4_header(path)):
        raise SourceError(f"cannot read {path}: it is encrypted (copy protection)", hint="use a file without protection")


def is_sound_encrypted(path: Path) -> bool:
    """Return whether sound of an mp4 or QuickTime file is encrypted."""
    return _SOUND.search(mp4_header(path)) is not None
