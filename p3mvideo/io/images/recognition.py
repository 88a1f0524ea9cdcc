"""Recognizes image files by their first bytes, whatever their names say."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final, Literal

ImageFormat = Literal["JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF", "HEIC"]

IMAGE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".png", ".apng", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".hif"}
)  # fmt: skip
START_BYTES: Final = 64
"""How much of a file `image_format` needs to see."""

MAGICS: Final[tuple[tuple[bytes, ImageFormat], ...]] = (
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"BM", "BMP"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"),
)  # fmt: skip
HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1", b"miaf"})
PNG_CHUNKS_BEFORE_PIXELS: Final = 200
"""A PNG file with more chunks than that before its first pixels is taken for a still."""


def image_format(start: bytes) -> ImageFormat | None:
    """Return the format of a file that begins with `start`, its first `START_BYTES` or more; None if it is no image.

    GIF is a video here: FFmpeg reads it.
    """
    for magic, form in MAGICS:
        if start.startswith(magic):
            return form
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WEBP"
    brands = _brands(start)
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & HEIF_BRANDS else None


def is_animated(file: BinaryIO, form: ImageFormat) -> bool:
    """Return whether an image file says in its header that it holds several frames to be shown one after another.

    Args:
        file: At the beginning of the file; its position is changed.
        form: Its format.
    """
    if form == "PNG":
        return _png_is_animated(file)
    start = file.read(START_BYTES)
    if form == "WEBP":  # the flags of the extended header, see the WebP container specification
        return start[12:16] == b"VP8X" and len(start) > 20 and bool(start[20] & 0x02)
    return form == "AVIF" and b"avis" in _brands(start)


def _brands(start: bytes) -> set[bytes]:
    """Return what a file of the ISO base media kind says that it conforms to (ISO/IEC 14496-12, section 4.3)."""
    if start[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(start[:4], "big"), len(start))
    return {start[8:12], *(start[at : at + 4] for at in range(16, end - 3, 4))}


def _png_is_animated(file: BinaryIO) -> bool:
    """Look for the chunk that announces an animation, which stands before the pixels (PNG, third edition, section 11.3.6.1)."""
    file.seek(8)
    for _ in range(PNG_CHUNKS_BEFORE_PIXELS):
        header = file.read(8)
        if len(header) < 8:
            return False
        length, name = struct.unpack(">I4s", header)
        if name == b"acTL":
            return length == 8 and int.from_bytes(file.read(4), "big") > 1
        if name in (b"IDAT", b"IEND"):
            return False
        file.seek(length + 4, 1)
    return False
