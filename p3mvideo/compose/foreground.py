"""The person's own colours in a frame, fast enough for video."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.compose.planes import planes_of
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.ops.foreground import estimate_layers

ESTIMATE_PX = 192
"""Longer side at which both layers' colours are estimated: they vary slowly."""
FAINT, OPAQUE = 0.02, 0.98
"""Between these alphas colours are estimated; outside, what shines through is too little to be seen."""
FAINT_LEVEL, OPAQUE_LEVEL = floor(255 * FAINT), ceil(255 * OPAQUE) + 1
"""The lowest levels of 255 at which colours are estimated, and at which they no longer are: whatever lies between both alphas does between these."""
COLUMNS = 4096
"""Width of the grid in which pixels of the edge are looked up."""


class EdgeColours(NamedTuple):
    """The person's colours in the n pixels of a plane where they are mixed with what is behind."""

    pixels: npt.NDArray[np.intp]
    """Which pixels, counted row by row, (n,)."""
    colours: Float32Array
    """In [0, 255], (n, C): RGB, luma or chroma."""
    alpha: Float32Array
    """(n, 1), from about `FAINT` to about `OPAQUE`."""
    opaque: UInt8Array
    """Mask of the pixels that are the person's alone: 255 there, else 0, (H, W)."""


class ForegroundEstimator:
    """Estimates the colours of the person where something else shines through: along edges and in hair.

    Blur fusion (Forte, ICIP 2021, see `p3mvideo.ops.foreground`): smooth colours of both layers are found in a small copy of the
    frame. Its last step, which makes both layers mix to the frame, is done at full size, for the pixels of the edge only.
    But for clipping every step is linear in the colours, so that it makes no difference whether they are RGB or YUV.
    The last frame's result is kept, so that several compositors may ask for it.
    """

    def __init__(self) -> None:
        self._last: tuple[Frame, tuple[EdgeColours, ...]] | None = None

    def edges(self, frame: Frame, matte: Matte) -> tuple[EdgeColours, ...]:
        """Return the person's colours where they are mixed, for each of the frame's planes, see `planes_of`.

        Args:
            frame: On the CPU or not.
            matte: At the frame's size.
        """
        if self._last is None or self._last[0] is not frame:
            self._last = frame, _edge_colours(planes_of(frame), matte.levels_array())
        return self._last[1]

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """Return the whole image in the person's colours, uint8 RGB (H, W, 3). Where alpha is near 0 they are the frame's own."""
        frame = frame.in_rgb
        (edge,) = self.edges(frame, matte)
        foreground = frame.interleaved()[..., :3].copy()
        foreground.reshape(-1, 3)[edge.pixels] = to_bytes(edge.colours)
        return foreground


def to_bytes(colours: Float32Array) -> UInt8Array:
    """Round colours (n, 3) in [0, 255]."""
    if not colours.size:
        return np.empty(colours.shape, np.uint8)  # OpenCV returns nothing for nothing
    return np.asarray(cv2.convertScaleAbs(colours), np.uint8).reshape(colours.shape)


def _edge_colours(planes: Sequence[UInt8Array], levels: UInt8Array) -> tuple[EdgeColours, ...]:
    """Return the person's colours in the planes of an image; alpha, in levels of 255, is as large as the first one."""
    height, width = levels.shape
    scale = min(1.0, ESTIMATE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Single pixels, not means: only they are mixed of both layers exactly by their alpha. What aliases is smoothed afterwards.
    small_levels, *small = (np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST)) for plane in (levels, *planes))
    small_alpha = small_levels * np.float32(1 / 255)
    layers = estimate_layers(np.asarray(cv2.merge(small), np.uint8), small_alpha, radius_px=max(4, max(size) // 12))
    person, behind = cv2.split(layers.foreground), cv2.split(layers.background)
    edges, channel = [], 0
    for plane in planes:
        if plane.shape[:2] != levels.shape:
            levels = np.asarray(cv2.resize(levels, (plane.shape[1], plane.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
        channels = slice(channel, channel + plane[0, 0].size)
        edges.append(_edge_of_plane(plane, levels, [*person[channels], *behind[channels]]))
        channel = channels.stop
    return tuple(edges)


def _edge_of_plane(plane: UInt8Array, levels: UInt8Array, layers: Sequence[Float32Array]) -> EdgeColours:
    """Return the person's colours in one plane (H, W) or (H, W, C).

    Args:
        plane: Its pixels.
        levels: Alpha in levels of 255, (H, W).
        layers: The smooth colours of the person, one channel (h, w) after another, then those of the background.
    """
    height, width = levels.shape
    opaque = np.asarray(cv2.inRange(levels, OPAQUE_LEVEL, 255), np.uint8)
    channels = len(layers) // 2
    found = cv2.findNonZero(cv2.inRange(levels, FAINT_LEVEL, OPAQUE_LEVEL - 1))
    if found is None:
        nothing = np.empty((0, channels), np.float32)
        return EdgeColours(np.empty(0, np.intp), nothing, nothing[:, :1], opaque)
    places = np.asarray(found).reshape(-1, 2)
    edge = places[:, 1].astype(np.intp) * width + places[:, 0]
    own_layer, other_layer = _look_up(layers, places, (width, height))
    a = np.take(levels.reshape(-1), edge)[:, None] * np.float32(1 / 255)
    # person + a * (own - a * person - (1 - a) * behind), in fewer steps
    colours = np.take(plane.reshape(-1, channels), edge, axis=0) - other_layer
    colours -= a * (own_layer - other_layer)
    colours *= a
    colours += own_layer
    np.clip(colours, 0, 255, out=colours)
    return EdgeColours(edge, colours, a, opaque)


def _look_up(layers: Sequence[Float32Array], places: npt.NDArray[np.int32], size: tuple[int, int]) -> tuple[Float32Array, Float32Array]:
    """Return the colours of both layers at n places (x, y) in an image of `size` = (width, height), (n, C) each, bilinear."""
    n, (height, width) = len(places), layers[0].shape
    # OpenCV's remap takes less than 32,768 rows, hence the columns.
    where = np.zeros((-(-n // COLUMNS), COLUMNS, 2), np.float32)
    across, down = width / size[0], height / size[1]
    to_layers = np.array([[across, 0, 0.5 * across - 0.5], [0, down, 0.5 * down - 0.5]])
    where.reshape(-1, 1, 2)[:n] = cv2.transform(places.astype(np.float32)[:, None], to_layers)  # NumPy takes ten times as long
    # Four channels take as long as one, two or three much longer.
    padded = [*layers, *[np.zeros_like(layers[0])] * (-len(layers) % 4)]
    fours = [cv2.merge(padded[four : four + 4]) for four in range(0, len(padded), 4)]
    found = [cv2.remap(four, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for four in fours]
    colours = np.concatenate(found, axis=2) if len(found) > 1 else found[0]
    flat = np.asarray(colours.reshape(-1, colours.shape[2])[:n])
    channels = len(layers) // 2
    return flat[:, :channels], flat[:, channels : 2 * channels]
