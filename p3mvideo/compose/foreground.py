"""The person's own colours in a frame, fast enough for video."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, Frame, Matte, UInt8Array
from p3mvideo.ops.foreground import estimate_layers

ESTIMATE_PX = 192
"""Longer side at which both layers' colours are estimated: they vary slowly."""
OPAQUE = 0.996
"""From here on a pixel's colour is the person's own."""


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
    edge = cv2.inRange(alpha, 1 / 255, OPAQUE)
    pixels = cv2.findNonZero(edge)
    if pixels is None:
        return picture
    scale = min(1.0, ESTIMATE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small_alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    layers = estimate_layers(
        np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8), small_alpha, radius_px=max(4, max(size) // 12)
    )

    x, y = pixels.reshape(-1, 2).T  # OpenCV 4 gives (n, 1, 2), OpenCV 5 (n, 2)
    # Where in the small picture each edge pixel lies, for bilinear look-up.
    map_x = ((x + np.float32(0.5)) * np.float32(size[0] / width) - np.float32(0.5)).astype(np.float32)
    map_y = ((y + np.float32(0.5)) * np.float32(size[1] / height) - np.float32(0.5)).astype(np.float32)
    person = _look_up(layers.foreground, map_x, map_y)
    behind = _look_up(layers.background, map_x, map_y)
    a = alpha[y, x][:, None]
    colours = person + a * (picture[y, x] - a * person - (1 - a) * behind)
    foreground = picture.copy()
    foreground[y, x] = np.clip(np.round(colours), 0, 255).astype(np.uint8)
    return foreground


def _look_up(layer: Float32Array, map_x: Float32Array, map_y: Float32Array) -> Float32Array:
    """Return a layer's colours at n places, (n, 3), bilinear. OpenCV's remap takes up to 32,767 columns, hence the rows."""
    n = len(map_x)
    columns = 16384
    rows = -(-n // columns)
    grid_x = np.zeros(rows * columns, np.float32)
    grid_y = np.zeros(rows * columns, np.float32)
    grid_x[:n], grid_y[:n] = map_x, map_y
    found = cv2.remap(
        layer, grid_x.reshape(rows, columns), grid_y.reshape(rows, columns), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(found.reshape(-1, 3)[:n])
