"""Draws what cameras do to a batch of scenes, as `p3mvideo.training.samples.camera_degradation` does to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from p3mvideo.training.device.plan import Camera, Grain, integers, reals
from p3mvideo.training.samples.camera_degradation import (
    BLUR,
    FEWER_PIXELS,
    GRAIN,
    JPEG,
    JPEG_QUALITY,
    LIGHT,
    LOW_RESOLUTION,
    NOISE,
    Light,
    draw_blur,
    draw_grain,
    draw_light,
)

KERNEL_PX = 11
SIDE_STEP_PX = 16
"""Sides of small images are multiples of this, so that a batch has few different ones."""
UNCHANGED = Light(1.0, np.ones(3), 1.0, 1.0)


@dataclass(frozen=True)
class CameraSettings:
    """What one camera does."""

    light: Light
    kernel: np.ndarray | None
    """Of a blur, (11, 11)."""
    grain: tuple[int, int, float] | None
    """Cell in pixels, channels, and strength of noise."""
    side_px: int | None
    """How small the image is."""
    quality: int | None
    """Of JPEG compression."""


def draw_camera(size_px: int, rng: np.random.Generator) -> CameraSettings:
    """Draw a camera for scenes of S x S pixels."""
    light = draw_light(rng) if rng.random() < LIGHT else UNCHANGED
    kernel = _kernel(rng) if rng.random() < BLUR else None
    grain = (*draw_grain(rng), float(rng.uniform(*NOISE))) if rng.random() < GRAIN else None
    side = None
    if rng.random() < LOW_RESOLUTION:
        step = min(SIDE_STEP_PX, size_px // 8)
        side = max(8, round(size_px * rng.uniform(*FEWER_PIXELS) / step) * step)
    return CameraSettings(light, kernel, grain, side, int(rng.integers(*JPEG_QUALITY)) if rng.random() < JPEG else None)


def stack_cameras(cameras: Sequence[CameraSettings]) -> Camera:
    """Put the cameras of a batch's scenes together; scenes with the very same camera share its noise."""
    numbered = list(enumerate(cameras))
    blurred = [(number, camera.kernel) for number, camera in numbered if camera.kernel is not None]
    grains = []
    for cell in sorted({camera.grain[0] for camera in cameras if camera.grain is not None}):
        scenes = [(number, camera) for number, camera in numbered if camera.grain is not None and camera.grain[0] == cell]
        fields = list({id(camera): camera.grain for _, camera in scenes}.items())
        places = {key: place for place, (key, _) in enumerate(fields)}
        grains.append(Grain(
            cell, integers([number for number, _ in scenes]), integers([places[id(camera)] for _, camera in scenes]),
            reals([grain is not None and grain[1] == 3 for _, grain in fields]), reals([0 if grain is None else grain[2] for _, grain in fields]),
        ))  # fmt: skip
    sides = sorted({camera.side_px for camera in cameras if camera.side_px is not None})
    compressed = [(number, camera.quality) for number, camera in numbered if camera.quality is not None]
    return Camera(
        reals([camera.light.gamma for camera in cameras]), reals([camera.light.gain for camera in cameras], 3),
        reals([camera.light.contrast for camera in cameras]), reals([camera.light.saturation for camera in cameras]),
        integers([number for number, _ in blurred]), reals([kernel for _, kernel in blurred], KERNEL_PX, KERNEL_PX), grains,
        [(side, integers([number for number, camera in numbered if camera.side_px == side])) for side in sides],
        integers([number for number, _ in compressed]), reals([quality for _, quality in compressed]),
    )  # fmt: skip


def _kernel(rng: np.random.Generator) -> np.ndarray:
    sigma, move = draw_blur(rng)
    if move is None:
        axis = cv2.getGaussianKernel(KERNEL_PX, sigma)
        return np.asarray(axis @ axis.T, np.float32)
    kernel = np.zeros((KERNEL_PX, KERNEL_PX), np.float32)
    begin = KERNEL_PX // 2 - len(move) // 2
    kernel[begin : begin + len(move), begin : begin + len(move)] = move
    return kernel
