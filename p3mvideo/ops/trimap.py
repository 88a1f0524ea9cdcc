"""Trimaps from alpha mattes."""

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array

KNOWN_BACKGROUND, UNKNOWN, KNOWN_FOREGROUND = 0, 128, 255


def trimap_from_alpha(alpha: UInt8Array, kernel_px: int) -> UInt8Array:
    """Return the trimap around a matte's transition area, as P3M-Net's training makes it online.

    Args:
        alpha: uint8 (H, W), 255 is opaque.
        kernel_px: Side of the elliptic kernel that widens the transition area to both sides.

    Returns:
        uint8 (H, W): 0 known background, 128 unknown, 255 known foreground.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (kernel_px, kernel_px))
    trimap = np.full(alpha.shape, UNKNOWN, np.uint8)
    trimap[cv2.erode((alpha == 255).astype(np.uint8), kernel) > 0] = KNOWN_FOREGROUND
    trimap[cv2.dilate((alpha > 0).astype(np.uint8), kernel) == 0] = KNOWN_BACKGROUND
    return trimap
