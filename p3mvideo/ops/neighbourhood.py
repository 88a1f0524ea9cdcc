"""What the pixels of a neighbourhood have in common: nothing fine, so that it is found on a smaller image."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import Float32Array


def neighbourhood_mean(values: Float32Array, *, side_px: int, shrink: int) -> Float32Array:
    """Return the mean of each pixel's square neighbourhood, on a smaller image.

    Args:
        values: (H, W), any range.
        side_px: Side of the neighbourhood, in pixels of the result.
        shrink: How many times smaller the result is.

    Returns:
        (H // shrink, W // shrink), at least one pixel a side.
    """
    height, width = (max(1, length // shrink) for length in values.shape)
    small = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(small, (side_px, side_px)), np.float32)


def enlarged(values: Float32Array, shape: tuple[int, ...]) -> Float32Array:
    """Return `values` (h, w) at the size (H, W) of `shape`, bilinearly."""
    return np.asarray(cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
