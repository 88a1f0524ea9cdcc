"""More light on the person."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.stages import Compositor

STRONGEST_GAMMA = 2.0
"""Gamma of a strength of 1."""


class Brighten:
    """A `Compositor` that brightens the person in another one's composite, and leaves the background as it is.

    Middle tones become lighter by a power law; black and white stay, so that nothing is washed out or clipped.

    Args:
        compositor: Puts the person before the background.
        strength: Returns how much, from 0 to 1, at each frame.
    """

    def __init__(self, compositor: Compositor, strength: Callable[[], float]) -> None:
        self._compositor, self._strength = compositor, strength
        self._curve: tuple[float, UInt8Array] = (0.0, brightening_curve(0.0))

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.stages.Compositor`."""
        composite = self._compositor(frame, matte)
        strength = self._strength()
        if not strength:
            return composite
        if strength != self._curve[0]:
            self._curve = strength, brightening_curve(strength)
        pixels = composite.interleaved()
        alpha = np.ascontiguousarray(matte.alpha_array())
        lit = cv2.blendLinear(np.asarray(cv2.LUT(pixels, self._curve[1]), np.uint8), pixels, alpha, 1 - alpha)
        return composite.with_pixels(np.asarray(lit, np.uint8))


def brightening_curve(strength: float) -> UInt8Array:
    """Return the new value of each value from 0 to 255, uint8 (256,), for a strength from 0 to 1."""
    gamma = STRONGEST_GAMMA**strength
    return np.asarray(np.rint(255 * (np.arange(256) / 255) ** (1 / gamma)), np.uint8)
