"""Compositors: what is written of a frame and its matte."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.compose.background import Background
from p3mvideo.compose.foreground import OPAQUE, ForegroundEstimator, to_bytes
from p3mvideo.frame import Frame, Matte, UInt8Array

ABOVE_ALL = 2.0
"""More than any alpha."""


def _like(frame: Frame, pixels: UInt8Array) -> Frame:
    """Return the frame's moment with interleaved pixels, on its device."""
    return frame.with_image(Frame.from_interleaved(pixels).image.to(frame.image.device))


class ReplaceBackground:
    """A `Compositor`: the person over another background."""

    def __init__(self, background: Background, foreground: ForegroundEstimator) -> None:
        self._background = background
        self._foreground = foreground

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.frame.Compositor`."""
        # Most pixels are the one or the other; only those of the edge are mixed.
        composite = self._background(frame, matte).copy()
        opaque = cv2.inRange(matte.alpha[0].cpu().numpy(), OPAQUE, ABOVE_ALL)
        cv2.copyTo(frame.interleaved(), opaque, composite)
        edge = self._foreground.edge(frame, matte)
        behind = np.take(composite.reshape(-1, 3), edge.pixels, axis=0).astype(np.float32)
        composite.reshape(-1, 3)[edge.pixels] = to_bytes(behind + edge.alpha * (edge.colours - behind))
        return _like(frame, composite)


class Cutout:
    """A `Compositor`: the person's colours with alpha, straight RGBA; nothing of the background is left in it."""

    def __init__(self, foreground: ForegroundEstimator) -> None:
        self._foreground = foreground

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.frame.Compositor`."""
        alpha = alpha_image(matte)
        colours = hide_background(self._foreground(frame, matte), alpha)
        return _like(frame, np.dstack([colours, alpha]))


class ForegroundOnly:
    """A `Compositor`: the person's colours on black, not multiplied with alpha; to be used together with the matte."""

    def __init__(self, foreground: ForegroundEstimator) -> None:
        self._foreground = foreground

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.frame.Compositor`."""
        return _like(frame, hide_background(self._foreground(frame, matte), alpha_image(matte)))


class AlphaOnly:
    """A `Compositor`: the matte as grey image."""

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.frame.Compositor`."""
        return _like(frame, np.asarray(cv2.cvtColor(alpha_image(matte), cv2.COLOR_GRAY2RGB), np.uint8))


def alpha_image(matte: Matte) -> UInt8Array:
    """Return alpha as uint8 (H, W), rounded."""
    return np.asarray(cv2.convertScaleAbs(matte.alpha[0].cpu().numpy(), alpha=255.0), np.uint8)


def hide_background(colours: UInt8Array, alpha: UInt8Array) -> UInt8Array:
    """Return the colours with black where alpha is 0: what is behind the person must not lie hidden in a cut-out."""
    hidden = colours.copy()
    hidden[alpha == 0] = 0
    return hidden
