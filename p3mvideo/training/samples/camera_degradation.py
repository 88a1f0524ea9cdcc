"""What cameras, light and compression do to an image; the alpha is untouched by it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array

Rng = np.random.Generator

LIGHT, BLUR, GRAIN, LOW_RESOLUTION, JPEG = 0.8, 0.2, 0.3, 0.15, 0.4
"""Chances of other light, a blur, noise, a camera with fewer pixels, and a codec."""
BLUR_PX, LONGEST_MOVE_PX = (0.4, 1.8), 11
"""Standard deviation of a lens out of focus, and the longest way moved while the shutter was open."""
NOISE = (0.005, 0.06)
"""Standard deviation of the noise, where white is 1."""
FEWER_PIXELS = (0.35, 0.8)
"""Share of the pixels along each side."""
JPEG_QUALITY = (25, 90)


def degrade(image: UInt8Array, rng: Rng) -> UInt8Array:
    """Return the image under other light, through another lens, sensor and codec, each with its own chance.

    Args:
        image: RGB (H, W, 3).
        rng: Draws everything.
    """
    light = _light(image, rng) if rng.random() < LIGHT else image.astype(np.float32) / 255
    if rng.random() < BLUR:
        light = _blur(light, rng)
    if rng.random() < GRAIN:
        light = _noise(light, rng)
    degraded = np.round(np.clip(light, 0, 1) * 255).astype(np.uint8)
    if rng.random() < LOW_RESOLUTION:
        degraded = _low_resolution(degraded, rng)
    if rng.random() < JPEG:
        quality = int(rng.integers(*JPEG_QUALITY))
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(degraded[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
        degraded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)
    return degraded


def _light(image: UInt8Array, rng: Rng) -> np.ndarray:
    """Exposure, contrast, gamma, white balance and saturation; about [0, 1]."""
    light = draw_light(rng)
    levels = np.power(np.arange(256) / 255, light.gamma)[:, None] * light.gain
    levels = (levels - 0.5) * light.contrast + 0.5
    lit = cv2.LUT(image, levels.astype(np.float32)[None])
    mixed = light.saturation * np.eye(3) + (1 - light.saturation) / 3  # of each colour with their mean
    return np.asarray(cv2.transform(lit, mixed), np.float32)


class Light(NamedTuple):
    """What light does to colours x in [0, 1]: y = (gain * x ** gamma - 0.5) * contrast + 0.5, and then saturation * (y - mean of y) + mean of y."""

    gamma: float
    gain: np.ndarray
    """(3,)."""
    contrast: float
    saturation: float


def draw_light(rng: Rng) -> Light:
    """Draw what light does."""
    gamma = np.exp(rng.normal(0, 0.25))
    gain = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.06, 3))
    if rng.random() < 0.08:  # too little light
        gain = gain * rng.uniform(0.25, 0.7)
    contrast = np.exp(rng.normal(0, 0.15))
    saturation = 0.0 if rng.random() < 0.04 else np.exp(rng.normal(0, 0.25))
    return Light(gamma, gain, contrast, saturation)


def _blur(light: np.ndarray, rng: Rng) -> np.ndarray:
    """Out of focus, or moved while the shutter was open."""
    sigma, kernel = draw_blur(rng)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), sigma) if kernel is None else cv2.filter2D(light, -1, kernel))


def draw_blur(rng: Rng) -> tuple[float, np.ndarray | None]:
    """Draw a blur: the standard deviation of a Gaussian in pixels, or the kernel of a movement, (3, 5, 7, 9 or 11,) * 2."""
    if rng.random() < 0.5:
        return rng.uniform(*BLUR_PX), None
    length = 2 * int(rng.integers(1, LONGEST_MOVE_PX // 2 + 1)) + 1  # odd: the image stays where its alpha is
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return 0.0, kernel / kernel.sum()


def _noise(light: np.ndarray, rng: Rng) -> np.ndarray:
    """Sensor noise, finer or coarser, coloured or not."""
    height, width = light.shape[:2]
    cell, channels = draw_grain(rng)
    noise = rng.standard_normal((height // cell + 1, width // cell + 1, channels), dtype=np.float32)
    noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
    return np.asarray(light + noise * rng.uniform(*NOISE))


def draw_grain(rng: Rng) -> tuple[int, int]:
    """Draw how coarse noise is, in pixels, and whether it has 3 channels or 1."""
    return int(rng.integers(1, 4)), 3 if rng.random() < 0.5 else 1


def _low_resolution(image: UInt8Array, rng: Rng) -> UInt8Array:
    """A camera with fewer pixels."""
    height, width = image.shape[:2]
    factor = rng.uniform(*FEWER_PIXELS)
    small = cv2.resize(image, (max(8, int(width * factor)), max(8, int(height * factor))), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
