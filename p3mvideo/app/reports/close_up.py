"""What lies around a face, as a small square."""

from __future__ import annotations

import cv2

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.cover.ellipse import Ellipse
from p3mvideo.privacy.region import Region

CONTEXT = 1.5
"""Side of what is shown, in sides of what is covered."""


def close_up(image: UInt8Array, region: Region, *, mask_scale: float, side_px: int) -> UInt8Array:
    """Return a square of an image about a region, uint8 RGB (side_px, side_px, 3).

    Args:
        image: uint8 RGB (H, W, 3).
        region: What is covered, or would be.
        mask_scale: How large.
        side_px: Side of the result.
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = Ellipse.of(region, mask_scale=mask_scale).bounds(width, height) or (0, 0, width, height)
    half = max(1, int(min(max(x1 - x0, y1 - y0) / 2 * CONTEXT, width / 2, height / 2)))
    x = min(max((x0 + x1) // 2, half), width - half)
    y = min(max((y0 + y1) // 2, half), height - half)
    part = image[max(0, y - half) : y + half, max(0, x - half) : x + half]
    square: UInt8Array = cv2.resize(part, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return square
