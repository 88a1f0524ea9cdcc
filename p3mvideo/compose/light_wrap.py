"""Light of the background that falls on the person's edges."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.compose.background import Background
from p3mvideo.compose.foreground import ForegroundEstimator
from p3mvideo.frame import Float32Array, Frame, Matte, UInt8Array

SMALL_PX = 256
"""Longer side at which light is spread: it has no fine detail."""
REACH_SHARE = 0.02
"""How far light reaches over the person, in longer sides of the picture."""


class WrappedForeground(ForegroundEstimator):
    """The person's colours, with the background's blurred light on them near their edges, strongest at the very edge.

    A cut-out that stands before a bright picture looks pasted in because in a room light bends around us; compositors add that by hand
    as "light wrap" (Brinkmann, "The Art and Science of Digital Compositing").

    Args:
        background: What stands behind the person; asked once more for each frame.
        strength: How much of the person's own colour the light takes away at the edge, from 0 to 1.
    """

    def __init__(self, background: Background, strength: float) -> None:
        super().__init__()
        if not 0 <= strength <= 1:
            raise ValueError(f"the strength of a light wrap goes from 0 to 1, got {strength}")
        self._background, self._strength = background, strength

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """Return the person's colours, uint8 RGB (H, W, 3), see `ForegroundEstimator`."""
        colours = super().__call__(frame, matte)
        return wrap(colours, self._background(frame, matte), matte.alpha[0].cpu().numpy(), self._strength)


def wrap(colours: UInt8Array, behind: UInt8Array, alpha: Float32Array, strength: float) -> UInt8Array:
    """Return the person's colours with light from behind on their edges.

    Args:
        colours: The person's, uint8 RGB (H, W, 3).
        behind: The background, uint8 RGB (H, W, 3).
        alpha: The matte, (H, W).
        strength: From 0 to 1.
    """
    height, width = alpha.shape
    scale = min(1.0, SMALL_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sigma = max(0.5, REACH_SHARE * max(size))
    open_part = cv2.resize(1 - alpha, size, interpolation=cv2.INTER_AREA)
    lit = cv2.resize(behind, size, interpolation=cv2.INTER_AREA).astype(np.float32) * open_part[..., None]
    # Light comes from where the background is open, so what the person hides of it does not shine.
    share = cv2.GaussianBlur(open_part, (0, 0), sigma)
    light = cv2.GaussianBlur(lit, (0, 0), sigma) / (share[..., None] + np.float32(1e-3))
    weight = np.float32(strength) * np.minimum(1.0, share)
    full = (width, height)
    wide_light = cv2.resize(cv2.convertScaleAbs(light), full, interpolation=cv2.INTER_LINEAR)
    wide_weight = cv2.resize(weight, full, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.blendLinear(wide_light, colours, wide_weight, cv2.subtract(1.0, wide_weight)), np.uint8)
