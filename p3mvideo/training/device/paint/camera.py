"""What cameras make of batches of images, on the device: see `p3mvideo.training.samples.camera_degradation`."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.training.device.draw.camera import KERNEL_PX
from p3mvideo.training.device.paint.jpeg import jpeg


def seen_by(camera: Any, image: Tensor, generator: torch.Generator) -> Tensor:
    """Return what the cameras of a plan make of a batch.

    Args:
        camera: `Camera` on the device.
        image: RGB, float32 (B, 3, S, S) in [0, 255].
        generator: Draws the noise.

    Returns:
        uint8 (B, 3, S, S).
    """
    size_px = image.shape[-1]
    gamma, contrast, saturation = (values[:, None, None, None] for values in (camera.gamma, camera.contrast, camera.saturation))
    image = (image / 255).clamp_(0, 1).pow_(gamma).mul_(camera.gain[..., None, None] * contrast).add_(0.5 - 0.5 * contrast)
    image = torch.lerp(image.mean(1, keepdim=True), image, saturation)
    if len(camera.blurred):
        image.index_copy_(0, camera.blurred, _blurred(image[camera.blurred], camera.kernels))
    for grain in camera.grains:
        cells = size_px // grain.cell_px + 1
        noise = torch.randn((len(grain.strength), 3, cells, cells), generator=generator, device=image.device)
        noise = torch.lerp(noise[:, :1], noise, grain.coloured[:, None, None, None]) * grain.strength[:, None, None, None]
        if grain.cell_px > 1:
            noise = F.interpolate(noise, size=(size_px, size_px), mode="bilinear", align_corners=False)
        image.index_add_(0, grain.scene, noise[:, :, :size_px, :size_px][grain.field])
    image = image.clamp_(0, 1).mul_(255).round_()
    for side_px, scenes in camera.smaller:
        small = F.interpolate(image[scenes], size=(side_px, side_px), mode="area").round_()
        image.index_copy_(0, scenes, F.interpolate(small, size=(size_px, size_px), mode="bilinear", align_corners=False).round_())
    if len(camera.compressed):
        image.index_copy_(0, camera.compressed, jpeg(image[camera.compressed], camera.quality))
    return image.to(torch.uint8)


def _blurred(image: Tensor, kernels: Tensor) -> Tensor:
    """Filter every image (K, 3, S, S) with its own kernel (K, 11, 11)."""
    count, channels = image.shape[:2]
    half = KERNEL_PX // 2
    padded = F.pad(image, (half, half, half, half), mode="reflect").reshape(1, count * channels, *(side + 2 * half for side in image.shape[2:]))
    weight = kernels[:, None].repeat_interleave(channels, 0)
    return F.conv2d(padded, weight, groups=count * channels).reshape(image.shape)
