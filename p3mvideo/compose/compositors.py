"""Compositors: what is written of a frame and its matte."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.compose.background import Background
from p3mvideo.compose.foreground import EdgeColours, ForegroundEstimator, to_bytes
from p3mvideo.compose.planes import planes_like, planes_of, with_planes
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.stages import Compositor


class ReplaceBackground:
    """A `Compositor`: the person over another background."""

    def __init__(self, background: Background, foreground: ForegroundEstimator) -> None:
        self._background = background
        self._foreground = foreground
        self._behind: _Behind | None = None

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.stages.Compositor`. It works on the planes that the frame has, luma and chroma or RGB."""
        edges = self._foreground.edges(frame, matte)
        layers = zip(planes_of(frame), self._behind_planes(frame, matte), edges, strict=True)
        return with_planes(frame, [_before(behind, person, edge) for person, behind, edge in layers])

    def _behind_planes(self, frame: Frame, matte: Matte) -> tuple[UInt8Array, ...]:
        """Return the background as planes like the frame's, converted only when it changes."""
        image = self._background(frame, matte)
        weights = None if frame.yuv is None else frame.yuv.weights
        if self._behind is None or self._behind.image is not image or self._behind.weights != weights:
            self._behind = _Behind(image, weights, planes_like(frame, image))
        return self._behind.planes


class InRgb:
    """A `Compositor` that lets another one work in RGB although the video brings YUV: for outputs with a colour of its own for each pixel."""

    def __init__(self, compositor: Compositor) -> None:
        self._compositor = compositor

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.stages.Compositor`."""
        return self._compositor(frame.in_rgb, matte)


class InYuv:
    """A `Compositor` that lets another one work in YUV although the camera brings RGB: half as many values are mixed."""

    def __init__(self, compositor: Compositor) -> None:
        self._compositor = compositor

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.stages.Compositor`."""
        return self._compositor(frame.in_yuv, matte)


class _Behind(NamedTuple):
    image: UInt8Array
    """Uint8 RGB (H, W, 3)."""
    weights: tuple[float, float] | None
    """Of the YUV that it was converted to; None for RGB."""
    planes: tuple[UInt8Array, ...]
    """The image in the kind of planes of the frame."""


def _before(behind: UInt8Array, person: UInt8Array, edge: EdgeColours) -> UInt8Array:
    """Return a plane (H, W) or (H, W, C) with the person before the background."""
    # Most pixels are the one or the other; only those of the edge are mixed.
    composite = behind.copy()
    cv2.copyTo(person, edge.opaque, composite)
    pixels = composite.reshape(edge.opaque.size, -1)
    below = np.take(pixels, edge.pixels, axis=0).astype(np.float32)
    pixels[edge.pixels] = to_bytes(below + edge.alpha * (edge.colours - below))
    return composite


class Cutout:
    """A `Compositor`: the person's colours with alpha, straight RGBA; nothing of the background is left in it."""

    def __init__(self, foreground: ForegroundEstimator) -> None:
        self._foreground = foreground

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.stages.Compositor`."""
        alpha = matte.levels_array()
        colours = hide_background(self._foreground(frame, matte), alpha)
        return frame.with_pixels(np.dstack([colours, alpha]))


class ForegroundOnly:
    """A `Compositor`: the person's colours on black, not multiplied with alpha; to be used together with the matte."""

    def __init__(self, foreground: ForegroundEstimator) -> None:
        self._foreground = foreground

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.stages.Compositor`."""
        return frame.with_pixels(hide_background(self._foreground(frame, matte), matte.levels_array()))


class AlphaOnly:
    """A `Compositor`: the matte as grey image."""

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.stages.Compositor`."""
        return frame.with_pixels(np.asarray(cv2.cvtColor(matte.levels_array(), cv2.COLOR_GRAY2RGB), np.uint8))


def hide_background(colours: UInt8Array, alpha: UInt8Array) -> UInt8Array:
    """Return the colours with black where alpha is 0: what is behind the person must not lie hidden in a cut-out."""
    hidden = colours.copy()
    hidden[alpha == 0] = 0
    return hidden
