"""The person's own colours in a frame, fast enough for video."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.frame import Float32Array, Frame, Matte, UInt8Array
from p3mvideo.ops.foreground import estimate_layers

ESTIMATE_PX = 192
"""Longer side at which both layers' colours are estimated: they vary slowly."""
FAINT, OPAQUE = 0.02, 0.98
"""Between these alphas colours are estimated; outside, what shines through is too little to be seen."""
COLUMNS = 4096
"""Width of the grid in which pixels of the edge are looked up."""


class EdgeColours(NamedTuple):
    """The person's colours in the n pixels where they are mixed with what is behind."""

    pixels: npt.NDArray[np.intp]
    """Which pixels, counted row by row, (n,)."""
    colours: Float32Array
    """RGB in [0, 255], (n, 3)."""
    alpha: Float32Array
    """(n, 1), between `FAINT` and `OPAQUE`."""


class ForegroundEstimator:
    """Estimates the colours of the person where something else shines through: along edges and in hair.

    Blur fusion (Forte, ICIP 2021, see `p3mvideo.ops.foreground`): smooth colours of both layers are found in a small copy of the
    frame. Its last step, which makes both layers mix to the frame, is done at full size, for the pixels of the edge only.
    The last frame's result is kept, so that several compositors may ask for it.
    """

    def __init__(self) -> None:
        self._last: tuple[Frame, EdgeColours] | None = None

    def edge(self, frame: Frame, matte: Matte) -> EdgeColours:
        """Return the person's colours where they are mixed.

        Args:
            frame: On the CPU or not.
            matte: At the frame's size.
        """
        if self._last is None or self._last[0] is not frame:
            self._last = frame, _edge_colours(frame.interleaved(), matte.alpha[0].cpu().numpy())
        return self._last[1]

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """Return the whole image in the person's colours, uint8 RGB (H, W, 3). Where alpha is near 0 they are the frame's own."""
        edge = self.edge(frame, matte)
        foreground = frame.interleaved()[..., :3].copy()
        foreground.reshape(-1, 3)[edge.pixels] = to_bytes(edge.colours)
        return foreground


def to_bytes(colours: Float32Array) -> UInt8Array:
    """Round colours (n, 3) in [0, 255]."""
    if not colours.size:
        return np.empty(colours.shape, np.uint8)  # OpenCV returns nothing for nothing
    return np.asarray(cv2.convertScaleAbs(colours), np.uint8).reshape(colours.shape)


def _edge_colours(image: UInt8Array, alpha: Float32Array) -> EdgeColours:
    height, width = alpha.shape
    # NumPy searches booleans much faster than bytes, and wants them to be 0 or 1; OpenCV's mask is 0 or 255.
    edge = np.flatnonzero((cv2.inRange(alpha, FAINT, OPAQUE) & 1).view(np.bool_))
    if not edge.size:
        return EdgeColours(edge, np.empty((0, 3), np.float32), np.empty((0, 1), np.float32))
    scale = min(1.0, ESTIMATE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Single pixels, not means: only they are mixed of both layers exactly by their alpha. What aliases is smoothed afterwards.
    small_alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_NEAREST), np.float32)
    small_image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    layers = estimate_layers(small_image, small_alpha, radius_px=max(4, max(size) // 12))

    y, x = np.divmod(edge.astype(np.int32), np.int32(width))
    # Where in the small image each pixel of the edge lies, for bilinear look-up.
    map_x = (x + np.float32(0.5)) * np.float32(size[0] / width) - np.float32(0.5)
    map_y = (y + np.float32(0.5)) * np.float32(size[1] / height) - np.float32(0.5)
    person, behind = _look_up(layers.foreground, map_x, map_y), _look_up(layers.background, map_x, map_y)
    a = np.take(alpha.reshape(-1), edge)[:, None]
    # person + a * (own - a * person - (1 - a) * behind), in fewer steps
    colours = np.take(image.reshape(-1, 3), edge, axis=0) - behind
    colours -= a * (person - behind)
    colours *= a
    colours += person
    np.clip(colours, 0, 255, out=colours)
    return EdgeColours(edge, colours, a)


def _look_up(layer: Float32Array, map_x: Float32Array, map_y: Float32Array) -> Float32Array:
    """Return a layer's colours at n places, (n, 3), bilinear. OpenCV's remap takes less than 32,768 rows, hence the columns."""
    n = len(map_x)
    rows = -(-n // COLUMNS)
    grid_x, grid_y = np.zeros((rows, COLUMNS), np.float32), np.zeros((rows, COLUMNS), np.float32)
    grid_x.reshape(-1)[:n], grid_y.reshape(-1)[:n] = map_x, map_y
    found = cv2.remap(layer, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(-1, 3)[:n])
