"""Asks Linux video devices what they are. Numbers and layouts are those of <linux/videodev2.h>, 64 bit.

Nothing is changed: a device that another program uses goes on undisturbed.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

if sys.platform == "linux":
    import fcntl

QUERYCAP, ENUM_FMT, G_FMT = 0x80685600, 0xC0405602, 0xC0D05604
ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 0xC02C564A, 0xC034564B
CAPABILITY, FMTDESC, FRMSIZE, FRMIVAL, FORMAT = 104, 64, 44, 52, 208
"""Sizes in bytes of what these fill in."""
CAN_CAPTURE, CAN_OUTPUT, HAS_DEVICE_CAPS = 0x1, 0x2, 0x80000000
TYPE_CAPTURE, TYPE_OUTPUT = 1, 2
DISCRETE = 1
MODES_AT_MOST = 200
"""A device that answers without end is not asked forever."""


class Capability(NamedTuple):
    """What a video device says of itself."""

    driver: str
    card: str
    """The name people know it by."""
    bus: str
    captures: bool
    """Whether images can be read from it."""
    plays: bool
    """Whether images can be written to it."""

    @property
    def is_loopback(self) -> bool:
        """Whether it is a virtual camera of v4l2loopback."""
        return self.driver == "v4l2 loopback"


class CameraMode(NamedTuple):
    """One size and rate in one pixel format that a camera offers."""

    pixels: str
    """FourCC of the pixels, such as MJPG or YUYV."""
    width: int
    height: int
    rate: Fraction | None
    """Highest frames per second; None if it does not say."""


def query(path: Path) -> Capability:
    """Return what a device says of itself.

    Raises:
        OSError: It is not there, not permitted, or no video device.
    """
    with _opened(path) as device:
        return read_capability(_ask(device, QUERYCAP, bytearray(CAPABILITY)))


def read_capability(answer: bytes | bytearray) -> Capability:
    """Return what `struct v4l2_capability` says."""
    driver, card, bus, _, every, own = struct.unpack_from("<16s32s32sIII", answer)
    flags = own if every & HAS_DEVICE_CAPS else every
    return Capability(_text(driver), _text(card), _text(bus), bool(flags & CAN_CAPTURE), bool(flags & CAN_OUTPUT))


def modes(path: Path) -> list[CameraMode]:
    """Return the modes of a camera, each size with its highest rate; empty if it does not tell."""
    found: list[CameraMode] = []
    try:
        with _opened(path) as device:
            for number in range(MODES_AT_MOST):
                pixels = struct.unpack_from("<44xI", _ask(device, ENUM_FMT, _filled(FMTDESC, number, TYPE_CAPTURE)))[0]
                for width, height in _sizes(device, pixels):
                    found.append(CameraMode(fourcc(pixels), width, height, _rate(device, pixels, width, height)))
    except OSError:
        pass  # the end of the list, or a device that has none
    return found


def output_format(path: Path) -> tuple[int, int, str]:
    """Return (width, height, FourCC) of what a device takes now.

    Raises:
        OSError: It cannot be asked.
    """
    with _opened(path) as device:
        answer = _ask(device, G_FMT, _filled(FORMAT, TYPE_OUTPUT))
    width, height, pixels = struct.unpack_from("<8xIII", answer)
    return width, height, fourcc(pixels)


def fourcc(code: int) -> str:
    """Return a pixel format's code as text."""
    return code.to_bytes(4, "little").decode("ascii", "replace").strip()


class _opened:
    """A device, open without blocking."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> int:
        flags = os.O_RDWR
        if sys.platform == "linux":
            flags |= os.O_NONBLOCK
        self._device = os.open(self._path, flags)
        return self._device

    def __exit__(self, *_: object) -> None:
        os.close(self._device)


def _ask(device: int, request: int, answer: bytearray) -> bytearray:
    if sys.platform == "linux":
        fcntl.ioctl(device, request, answer)
    return answer


def _filled(size: int, *numbers: int) -> bytearray:
    question = bytearray(size)
    struct.pack_into(f"<{len(numbers)}I", question, 0, *numbers)
    return question


def _sizes(device: int, pixels: int) -> Iterator[tuple[int, int]]:
    for number in range(MODES_AT_MOST):
        try:
            answer = _ask(device, ENUM_FRAMESIZES, _filled(FRMSIZE, number, pixels))
        except OSError:
            return
        kind, *sizes = struct.unpack_from("<8xI6I", answer)
        if kind != DISCRETE:
            yield sizes[1], sizes[4]  # any size up to this one
            return
        yield sizes[0], sizes[1]


def _rate(device: int, pixels: int, width: int, height: int) -> Fraction | None:
    try:
        answer = _ask(device, ENUM_FRAMEINTERVALS, _filled(FRMIVAL, 0, pixels, width, height))
    except OSError:
        return None
    numerator, denominator = struct.unpack_from("<20xII", answer)
    return Fraction(denominator, numerator) if numerator and denominator else None


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
