"""Brings mattes to their frames' size, with edges that follow the frame."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.frame import Frame, Matte
from p3mvideo.ops.shrink import shrunk

RADIUS_PX = 2
"""Half the side of the windows in which alpha is modelled as linear in brightness, in working-size pixels."""
EPSILON = 2e-4
"""Brightness variance (in [0, 1] squared) below which a window counts as flat."""
LUMA = (0.299, 0.587, 0.114)


class GuidedRefiner:
    """A `Refiner`: fast guided filter (He and Sun, "Fast Guided Filter", arXiv 1505.00996).

    Inside small windows alpha is taken for a linear function of brightness. The function's two coefficients are found at working
    size, where the matte is, and applied at full size, where the frame's edges are. Frames on the CPU go through OpenCV, others through
    PyTorch; both compute the same, on the CPU to a level of 255.
    """

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """Return the matte at the frame's size, without its semantic part. See `p3mvideo.frame.Refiner`."""
        if tuple(matte.alpha.shape[1:]) == frame.shape[1:]:
            return Matte(matte.alpha)
        if frame.image.device.type == "cpu":
            return Matte(_refine_on_cpu(frame, matte))
        return Matte(_refine_on_device(frame, matte))


def _refine_on_cpu(frame: Frame, matte: Matte) -> Tensor:
    alpha = matte.alpha[0].numpy()
    height, width = alpha.shape
    guide = shrunk(frame.gray, (width, height)).astype(np.float32) * np.float32(1 / 255)
    side = (2 * RADIUS_PX + 1, 2 * RADIUS_PX + 1)

    def mean(x: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.blur(x, side, borderType=cv2.BORDER_REPLICATE))

    guide_mean, alpha_mean = mean(guide), mean(alpha)
    slope = (mean(guide * alpha) - guide_mean * alpha_mean) / (mean(guide * guide) - guide_mean * guide_mean + np.float32(EPSILON))
    offset = mean(alpha_mean - slope * guide_mean) * np.float32(255)
    size = (frame.width, frame.height)
    slope, offset = (cv2.resize(coefficient, size, interpolation=cv2.INTER_LINEAR) for coefficient in (mean(slope), offset))
    # In levels of 255, as everything is written: conversion to 8 bits clips and rounds in the pass that adds.
    levels = cv2.add(cv2.multiply(slope, frame.gray, dst=slope, dtype=cv2.CV_32F), offset, dtype=cv2.CV_8U)
    return torch.from_numpy(np.multiply(levels, np.float32(1 / 255), dtype=np.float32))[None]


def _refine_on_device(frame: Frame, matte: Matte) -> Tensor:
    alpha = matte.alpha[None]
    weights = torch.tensor(LUMA, device=frame.image.device).view(1, 3, 1, 1)
    grey = (frame.image[None, :3].float() * weights).sum(1, keepdim=True).round() / 255
    guide = F.interpolate(grey, alpha.shape[2:], mode="area")

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(x, (RADIUS_PX,) * 4, mode="replicate"), 2 * RADIUS_PX + 1, 1)

    guide_mean, alpha_mean = mean(guide), mean(alpha)
    slope = (mean(guide * alpha) - guide_mean * alpha_mean) / (mean(guide * guide) - guide_mean**2 + EPSILON)
    offset = alpha_mean - slope * guide_mean

    def enlarge(x: Tensor) -> Tensor:
        return F.interpolate(mean(x), frame.image.shape[1:], mode="bilinear", align_corners=False)

    return (enlarge(slope) * grey + enlarge(offset)).clamp(0, 1)[0]
