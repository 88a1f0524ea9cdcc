"""What cameras, light and compression do to a picture; the alpha is untouched by it."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array

Rng = np.random.Generator


def degrade(image: UInt8Array, rng: Rng) -> UInt8Array:
    """Return the picture under other light, through another lens, sensor and codec, each with its own chance.

    Args:
        image: RGB (H, W, 3).
        rng: Draws everything.
    """
    picture = _light(image, rng) if rng.random() < 0.8 else image.astype(np.float32) / 255
    if rng.random() < 0.2:
        picture = _blur(picture, rng)
    if rng.random() < 0.3:
        picture = _noise(picture, rng)
    degraded = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.15:
        degraded = _low_resolution(degraded, rng)
    if rng.random() < 0.4:
        quality = int(rng.integers(25, 90))
        _, data = cv2.imencode(".jpg", degraded, [cv2.IMWRITE_JPEG_QUALITY, quality])
        degraded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return degraded


def _light(image: UInt8Array, rng: Rng) -> np.ndarray:
    """Exposure, contrast, gamma, white balance and saturation; about [0, 1]."""
    gamma = np.exp(rng.normal(0, 0.25))
    gain = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.06, 3))
    if rng.random() < 0.08:  # too little light
        gain = gain * rng.uniform(0.25, 0.7)
    levels = np.power(np.arange(256) / 255, gamma)[:, None] * gain
    levels = (levels - 0.5) * np.exp(rng.normal(0, 0.15)) + 0.5
    picture = cv2.LUT(image, levels.astype(np.float32)[None])
    saturation = 0.0 if rng.random() < 0.04 else np.exp(rng.normal(0, 0.25))
    mixed = saturation * np.eye(3) + (1 - saturation) / 3  # of each colour with their mean
    return np.asarray(cv2.transform(picture, mixed), np.float32)


def _blur(picture: np.ndarray, rng: Rng) -> np.ndarray:
    """Out of focus, or moved while the shutter was open."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.8)))
    length = int(rng.integers(3, 11))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()))


def _noise(picture: np.ndarray, rng: Rng) -> np.ndarray:
    """Sensor noise, finer or coarser, coloured or not."""
    height, width = picture.shape[:2]
    cell = int(rng.integers(1, 4))
    noise = rng.standard_normal((height // cell + 1, width // cell + 1, 3 if rng.random() < 0.5 else 1), dtype=np.float32)
    noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
    return np.asarray(picture + noise * rng.uniform(0.005, 0.06))


def _low_resolution(image: UInt8Array, rng: Rng) -> UInt8Array:
    """A camera with fewer pixels."""
    height, width = image.shape[:2]
    factor = rng.uniform(0.35, 0.8)
    small = cv2.resize(image, (max(8, int(width * factor)), max(8, int(height * factor))), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
