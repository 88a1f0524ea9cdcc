"""Dense optical flow between two pictures and the warping that goes with it, on NumPy arrays."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array

Effort = Literal["ultrafast", "fast", "medium"]

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


def dense_flow(present: UInt8Array, other: UInt8Array, *, effort: Effort = "fast") -> Float32Array:
    """Find where each pixel of `present` lies in `other`.

    Dense inverse search: Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016.

    Args:
        present: Gray (H, W). Nothing is seen to move in pictures of less than 16 pixels a side.
        other: Gray (H, W).
        effort: Preset of the method.

    Returns:
        Displacement (dx, dy) in pixels, (H, W, 2): pixel (x, y) of `present` is at (x + dx, y + dy) in `other`.
    """
    if min(present.shape) < 16:
        return np.zeros((*present.shape, 2), np.float32)
    flow: Float32Array = cv2.DISOpticalFlow.create(_PRESETS[effort]).calc(present, other, None)
    return flow


def warp(array: Float32Array, flow: Float32Array, *, outside: float | None = None) -> Float32Array:
    """Bring an array of the other picture to the present one.

    Args:
        array: (H, W) or (H, W, C), any range.
        flow: Displacement from the present picture to the other, (H, W, 2), as `dense_flow` returns it.
        outside: Value for what lies beyond the other picture's border; None repeats the border.

    Returns:
        `array` sampled bilinearly at each displaced pixel, same shape.
    """
    return sample(array, places(flow), outside=outside)


def places(flow: Float32Array) -> Float32Array:
    """Return where each pixel of the present picture lies in the other, (x, y) in pixels, (H, W, 2); `flow` as in `warp`."""
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
