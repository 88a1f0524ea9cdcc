"""Brings a background image to the frame's size."""

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.options.background import Fit


def fit_to(image: UInt8Array, width: int, height: int, fit: Fit = "cover") -> UInt8Array:
    """Return an RGB image (h, w, 3) at (height, width, 3).

    Args:
        image: uint8 RGB.
        width: Wanted, in pixels.
        height: Wanted, in pixels.
        fit: `cover` fills the frame and cuts what stands over, `contain` shows all of it on black, `stretch` changes its shape, `tile`
            repeats it at its own size from the upper left corner.
    """
    image_height, image_width = image.shape[:2]
    if fit == "tile":
        rows, columns = -(-height // image_height), -(-width // image_width)
        return np.ascontiguousarray(np.tile(image, (rows, columns, 1))[:height, :width])
    if fit == "stretch":
        return _resize(image, width, height)
    ratios = width / image_width, height / image_height
    scale = max(ratios) if fit == "cover" else min(ratios)
    scaled_width, scaled_height = max(1, round(image_width * scale)), max(1, round(image_height * scale))
    if fit == "cover":
        scaled = _resize(image, max(width, scaled_width), max(height, scaled_height))
        x0, y0 = (scaled.shape[1] - width) // 2, (scaled.shape[0] - height) // 2
        return np.ascontiguousarray(scaled[y0 : y0 + height, x0 : x0 + width])
    scaled = _resize(image, min(width, scaled_width), min(height, scaled_height))
    canvas = np.zeros((height, width, 3), np.uint8)
    x0, y0 = (width - scaled.shape[1]) // 2, (height - scaled.shape[0]) // 2
    canvas[y0 : y0 + scaled.shape[0], x0 : x0 + scaled.shape[1]] = scaled
    return canvas


def _resize(image: UInt8Array, width: int, height: int) -> UInt8Array:
    if (image.shape[1], image.shape[0]) == (width, height):
        return image
    shrinks = width < image.shape[1] or height < image.shape[0]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(resized, np.uint8)
