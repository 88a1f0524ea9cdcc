"""The image that is shown instead of the room."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array

TOP, BOTTOM = (46, 52, 64), (24, 28, 36)
"""Colours of its upper and lower border, RGB; nothing of any camera is in it."""


def placeholder(width: int, height: int, title: str) -> UInt8Array:
    """Return a dark image with the outline of a head and a line of text, uint8 RGB (height, width, 3).

    Args:
        width: In pixels.
        height: In pixels.
        title: What is going on, in a word or two; everybody who watches reads it.
    """
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    image = np.repeat(np.array(TOP, np.float32) * (1 - share) + np.array(BOTTOM, np.float32) * share, width, 1).astype(np.uint8)
    side = min(width, height)
    centre, radius = (width // 2, round(height * 0.36)), max(1, side // 10)
    cv2.circle(image, centre, radius, (96, 104, 120), -1, cv2.LINE_AA)
    shoulders = (centre[0], centre[1] + round(2.75 * radius))
    cv2.ellipse(image, shoulders, (2 * radius, round(1.5 * radius)), 0, 180, 360, (96, 104, 120), -1, cv2.LINE_AA)
    _write(image, title, round(height * 0.80), side / 520, (226, 230, 238))
    return image


def _write(image: UInt8Array, text: str, baseline: int, scale: float, colour: tuple[int, int, int]) -> None:
    """Write a line in the middle, smaller if it is too long."""
    thickness = max(1, round(1.6 * scale))
    text_width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)[0][0]
    scale *= min(1.0, 0.92 * image.shape[1] / max(1, text_width))
    text_width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)[0][0]
    place = ((image.shape[1] - text_width) // 2, baseline)
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)
