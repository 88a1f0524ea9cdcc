"""Lays an image with alpha on white."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array


def flatten(image: UInt8Array) -> UInt8Array:
    """Return straight RGBA, uint8 (H, W, 4), laid on white: uint8 RGB (H, W, 3)."""
    alpha = image[..., 3]
    if alpha.min() == 255:
        return np.ascontiguousarray(image[..., :3])
    weight = alpha.astype(np.float32) / 255
    white = np.full((*image.shape[:2], 3), 255, np.uint8)
    return cast(UInt8Array, cv2.blendLinear(np.ascontiguousarray(image[..., :3]), white, weight, 1 - weight))
