"""Light of the background that falls on the person's edges."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.compose.background import Background
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.stages import Compositor

SMALL_PX = 256
"""Longer side at which light is spread: it has no fine detail."""
REACH_SHARE = 0.02
"""How far light reaches over the person, in longer sides of the image."""
FAINT = 0.01
"""Less light than this is not seen."""


class LightWrap:
    """A `Compositor` that lets the background's blurred light fall on the person, strongest at the very edge.

    A cut-out that stands before a bright image looks pasted in because in a room light bends around us; compositors add that by hand
    as "light wrap" (Brinkmann, "The Art and Science of Digital Compositing").

    Args:
        compositor: Puts the person before the background.
        background: What stands behind the person; asked once more for each frame.
        strength: How much of the person's own colour the light takes away at the edge, from 0 to 1.
    """

    def __init__(self, compositor: Compositor, background: Background, strength: float) -> None:
        if not 0 <= strength <= 1:
            raise ValueError(f"the strength of a light wrap goes from 0 to 1, got {strength}")
        self._compositor, self._background, self._strength = compositor, background, strength

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.stages.Compositor`."""
        frame = frame.in_rgb
        composite = self._compositor(frame, matte)
        lit = wrap(composite.interleaved(), self._background(frame, matte), matte.alpha_array(), self._strength)
        return composite.with_pixels(lit)


def wrap(composite: UInt8Array, behind: UInt8Array, alpha: Float32Array, strength: float) -> UInt8Array:
    """Return a composite with light from behind on the person's edges; where the person is not, nothing changes.

    Args:
        composite: uint8 RGB (H, W, 3).
        behind: Its background, uint8 RGB, of any size.
        alpha: The matte, (H, W).
        strength: From 0 to 1.
    """
    height, width = alpha.shape
    scale = min(1.0, SMALL_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sigma = max(0.5, REACH_SHARE * max(size))
    open_part = cv2.resize(1 - alpha, size, interpolation=cv2.INTER_AREA)
    shining = cv2.resize(behind, size, interpolation=cv2.INTER_AREA).astype(np.float32) * open_part[..., None]
    # Light comes from where the background is open: what the person hides of it does not shine.
    share = cv2.GaussianBlur(open_part, (0, 0), sigma)
    light = cv2.GaussianBlur(shining, (0, 0), sigma) / (share[..., None] + np.float32(1e-3))
    weight = cv2.resize(np.float32(strength) * np.clip(share, 0, 1), (width, height), interpolation=cv2.INTER_LINEAR) * alpha
    # NumPy searches booleans much faster than bytes.
    reached = np.flatnonzero((cv2.inRange(weight, FAINT, 2.0) & 1).view(np.bool_))
    wide_light = cv2.resize(cv2.convertScaleAbs(light), (width, height), interpolation=cv2.INTER_LINEAR)
    lit = composite.copy()
    own = np.take(composite.reshape(-1, 3), reached, axis=0).astype(np.float32)
    towards = np.take(wide_light.reshape(-1, 3), reached, axis=0) - own
    lit.reshape(-1, 3)[reached] = np.rint(own + np.take(weight.reshape(-1), reached)[:, None] * towards).astype(np.uint8)
    return lit
