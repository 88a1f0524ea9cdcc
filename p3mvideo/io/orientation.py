"""Turns stored images the way they are to be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType

from p3mvideo.frame import UInt8Array


@dataclass(frozen=True)
class Orientation:
    """What to do with a stored image: first transpose, then flip. All eight right-angled positions can be said so."""

    transpose: bool = False
    flip_horizontally: bool = False
    flip_vertically: bool = False

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) as shown of an image stored as (width, height)."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, image: UInt8Array) -> UInt8Array:
        """Return the (H, W, C) image as it is to be seen, contiguous; the same array if nothing is to be done."""
        if self.transpose:
            image = cast(UInt8Array, cv2.transpose(image))
        if self.flip_horizontally or self.flip_vertically:
            code = -1 if self.flip_horizontally and self.flip_vertically else int(self.flip_horizontally)
            image = cast(UInt8Array, cv2.flip(image, code))
        return image


UPRIGHT = Orientation()

EXIF_ORIENTATIONS = {
    1: UPRIGHT,
    2: Orientation(flip_horizontally=True),
    3: Orientation(flip_horizontally=True, flip_vertically=True),
    4: Orientation(flip_vertically=True),
    5: Orientation(transpose=True),
    6: Orientation(transpose=True, flip_horizontally=True),
    7: Orientation(transpose=True, flip_horizontally=True, flip_vertically=True),
    8: Orientation(transpose=True, flip_vertically=True),
}
"""The values of the EXIF tag 0x0112 (Exif 2.32, section 4.6.4)."""


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Return a decoded frame's orientation by its display matrix (ISO/IEC 14496-12, track header), to the next right angle."""
    # Not `frame.side_data`: the frame keeps that, and that the frame, so that its pixels stay until Python looks for cycles.
    side_data = cast(Mapping[SideDataType, Buffer], SideDataContainer(frame))  # type: ignore[call-arg]  # its stub lacks this
    data = side_data.get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return UPRIGHT
    # Stored (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = np.frombuffer(bytes(data), dtype=np.int32)[:5].tolist()
    if a * a + d * d >= b * b + c * c:
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)
