"""Dense optical flow between two images and the warping that goes with it, on NumPy arrays."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array

Effort = Literal["ultrafast", "fast", "medium"]

LEAST_SIDE_PX = 32
"""OpenCV's method crashes, or returns NaN, below this height in wide images; smaller ones are padded to it."""

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


def dense_flow(present: UInt8Array, other: UInt8Array, *, effort: Effort = "fast") -> Float32Array:
    """Find where each pixel of `present` lies in `other`.

    Dense inverse search: Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016.

    The only place that calls OpenCV's implementation, because it must not see small images (see `LEAST_SIDE_PX`).

    Args:
        present: Gray uint8 (H, W), of any size from 1x1.
        other: Gray uint8 (H, W).
        effort: Preset of the method.

    Returns:
        Displacement (dx, dy) in pixels, (H, W, 2): pixel (x, y) of `present` is at (x + dx, y + dy) in `other`.

    Raises:
        ValueError: The images are not gray uint8 images of one size.
    """
    for image in (present, other):
        if image.dtype != np.uint8 or image.ndim != 2 or image.shape != present.shape or not image.size:
            raise ValueError(
                f"optical flow is computed between two gray uint8 (H, W) images of one size, got {present.dtype} {present.shape} and "
                f"{other.dtype} {other.shape}"
            )
    height, width = present.shape
    missing = max(0, LEAST_SIDE_PX - height), max(0, LEAST_SIDE_PX - width)
    if any(missing):
        present, other = (cv2.copyMakeBorder(image, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE) for image in (present, other))
    present, other = np.ascontiguousarray(present), np.ascontiguousarray(other)  # OpenCV takes no parts of larger images
    flow: Float32Array = cv2.DISOpticalFlow.create(_PRESETS[effort]).calc(present, other, None)
    return flow[:height, :width]


def warp(array: Float32Array, flow: Float32Array, *, outside: float | None = None) -> Float32Array:
    """Bring an array of the other image to the present one.

    Args:
        array: (H, W) or (H, W, C), any range.
        flow: Displacement from the present image to the other, (H, W, 2), as `dense_flow` returns it.
        outside: Value for what lies beyond the other image's border; None repeats the border.

    Returns:
        `array` sampled bilinearly at each displaced pixel, same shape.
    """
    return sample(array, places(flow), outside=outside)


def places(flow: Float32Array) -> Float32Array:
    """Return where each pixel of the present image lies in the other, (x, y) in pixels, (H, W, 2); `flow` as in `warp`."""
    return _grid(flow.shape[1], flow.shape[0]) + flow


def sample(array: Float32Array, at: Float32Array, *, outside: float | None = None) -> Float32Array:
    """Return an array (H, W) or (H, W, C) bilinearly at places (x, y), (h, w, 2); `outside` as in `warp`."""
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    sampled: Float32Array = cv2.remap(array, at, None, cv2.INTER_LINEAR, borderMode=border, borderValue=(outside or 0.0,) * 4)
    return sampled


@lru_cache(maxsize=8)
def _grid(width: int, height: int) -> Float32Array:
    grid = np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), 2)
    grid.flags.writeable = False
    return grid
