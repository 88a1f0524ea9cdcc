"""A thumbnail hash of a face, by which two tracks of one recording, or one track in two versions of it, can be told alike."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detection import Box


def dhash(image: UInt8Array, box: Box) -> str | None:
    """Return the difference hash of a box of an image (N. Krawetz, "Kind of Like That", 2013): 16 hexadecimal digits.

    Of 9x8 grey values each bit says whether one is brighter than its right neighbour: 64 bits of coarse light and shade. No image of the face
    can be made from them, but whoever has the same image can confirm that it is the one.

    Args:
        image: uint8 RGB (H, W, 3).
        box: (x0, y0, x1, y1) in pixels.

    Returns:
        None if less than 2x2 pixels of the box lie in the image.
    """
    x0, y0, x1, y1 = (max(0, round(value)) for value in box)
    part = image[y0:y1, x0:x1]
    if min(part.shape[:2]) < 2:
        return None
    grey = cv2.resize(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = np.packbits(grey[:, :-1] > grey[:, 1:])
    return bits.tobytes().hex()
