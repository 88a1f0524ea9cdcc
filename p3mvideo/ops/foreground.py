"""The person's own colours, without what shines through from behind."""

from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array


class Layers(NamedTuple):
    """Estimated colours of both layers of an image."""

    foreground: Float32Array
    """The person's colours, (H, W, 3) in [0, 255]; plausible also where alpha is 0."""
    background: Float32Array
    """The background's colours, (H, W, 3) in [0, 255]."""


def estimate_layers(image: UInt8Array, alpha: Float32Array, radius_px: int = 45) -> Layers:
    """Estimate foreground and background colours by blur fusion.

    "Approximate Fast Foreground Colour Estimation" (Forte, ICIP 2021): each layer is the alpha-weighted box mean of the image
    around a pixel, corrected so that both layers mix to the image; done twice, the second time in a small neighbourhood.

    Args:
        image: uint8 RGB (H, W, 3).
        alpha: float32 (H, W) in [0, 1].
        radius_px: Half the side of the first pass's box. Must exceed the width of the widest soft edge.
    """
    observed = image.astype(np.float32)
    a = cv2.merge([alpha] * 3)  # NumPy is slow where one factor has one channel and the other three
    rest = 1 - a
    foreground, background = observed, observed
    for r in (radius_px, 3):
        side = (2 * r + 1, 2 * r + 1)
        weight = cv2.merge([cv2.blur(alpha, side)] * 3)
        foreground_mean = cv2.blur(foreground * a, side) / (weight + np.float32(1e-5))
        background = cv2.blur(background * rest, side) / (1 - weight + np.float32(1e-5))
        foreground = foreground_mean + a * (observed - a * foreground_mean - rest * background)
        foreground = np.clip(foreground, 0, 255)
    return Layers(foreground, background)
