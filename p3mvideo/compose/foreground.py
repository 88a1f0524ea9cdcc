"""The person's own colours in a frame, fast enough for video."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, Frame, Matte, UInt8Array
from p3mvideo.ops.foreground import estimate_layers

ESTIMATE_PX = 192
"""Longer side at which both layers' colours are estimated: they vary slowly."""
FAINT, OPAQUE = 0.02, 0.98
"""Between these alphas colours are estimated; outside, what shines through is too little to be seen."""
COLUMNS = 4096
"""Width of the grid in which pixels of the edge are looked up."""


class ForegroundEstimator:
    """Estimates the colours of the person where something else shines through: along edges and in hair.

    Blur fusion (Forte, ICIP 2021, see `p3mvideo.ops.foreground`): smooth colours of both layers are found in a small copy of the
    frame. Its last step, which makes both layers mix to the frame, is done at full size, for the pixels of the edge only.
    The last frame's result is kept, so that several compositors may ask for it.
    """

    def __init__(self) -> None:
        self._last: tuple[Frame, UInt8Array] | None = None

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """Return the person's colours, uint8 RGB (H, W, 3). Where alpha is 0 they are the frame's own.

        Args:
            frame: On the CPU or not.
            matte: At the frame's size.
        """
        if self._last is None or self._last[0] is not frame:
            self._last = frame, _foreground(frame.interleaved(), matte.alpha[0].cpu().numpy())
        return self._last[1]


def _foreground(picture: UInt8Array, alpha: Float32Array) -> UInt8Array:
    height, width = alpha.shape
    # NumPy searches booleans much faster than bytes, and wants them to be 0 or 1; OpenCV's mask is 0 or 255.
    edge = np.flatnonzero((cv2.inRange(alpha, FAINT, OPAQUE) & 1).view(np.bool_))
    if not edge.size:
        return picture
    scale = min(1.0, ESTIMATE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Single pixels, not means: only they are mixed of both layers exactly by their alpha. What aliases is smoothed afterwards.
    small_alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_NEAREST), np.float32)
    small_picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    layers = estimate_layers(small_picture, small_alpha, radius_px=max(4, max(size) // 12))

    y, x = np.divmod(edge.astype(np.int32), np.int32(width))
    # Where in the small picture each pixel of the edge lies, for bilinear look-up.
    map_x = (x + np.float32(0.5)) * np.float32(size[0] / width) - np.float32(0.5)
    map_y = (y + np.float32(0.5)) * np.float32(size[1] / height) - np.float32(0.5)
    person, behind = _look_up(layers.foreground, map_x, map_y), _look_up(layers.background, map_x, map_y)
    own = picture.reshape(-1, 3)
    a = np.take(alpha.reshape(-1), edge)[:, None]
    # person + a * (own - a * person - (1 - a) * behind), in fewer steps
    colours = np.take(own, edge, axis=0) - behind
    colours -= a * (person - behind)
    colours *= a
    colours += person
    foreground = picture.copy()
    foreground.reshape(-1, 3)[edge] = cv2.convertScaleAbs(np.maximum(colours, 0, out=colours))
    return foreground


def _look_up(layer: Float32Array, map_x: Float32Array, map_y: Float32Array) -> Float32Array:
    """Return a layer's colours at n places, (n, 3), bilinear. OpenCV's remap takes less than 32,768 rows, hence the columns."""
    n = len(map_x)
    rows = -(-n // COLUMNS)
    grid_x, grid_y = np.zeros((rows, COLUMNS), np.float32), np.zeros((rows, COLUMNS), np.float32)
    grid_x.reshape(-1)[:n], grid_y.reshape(-1)[:n] = map_x, map_y
    found = cv2.remap(layer, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(-1, 3)[:n])
