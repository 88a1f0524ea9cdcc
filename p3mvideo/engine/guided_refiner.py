"""Brings mattes to their frames' size, with edges that follow the frame."""

from __future__ import annotations

from math import gcd

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.frame import Float32Array, Frame, Matte
from p3mvideo.ops.shrink import shrunk

RADIUS_PX = 2
"""Half the side of the windows in which alpha is modelled as linear in brightness, in working-size pixels."""
EPSILON = 2e-4
"""Brightness variance (in [0, 1] squared) below which a window counts as flat."""
REACH_PX = 2 * RADIUS_PX + 1
"""How far from where alpha is not 0 the refined one may be: by two means, and by a pixel when they are enlarged; in working-size pixels."""
LUMA = (0.299, 0.587, 0.114)


class GuidedRefiner:
    """A `Refiner`: fast guided filter (He and Sun, "Fast Guided Filter", arXiv 1505.00996).

    Inside small windows alpha is taken for a linear function of brightness. The function's two coefficients are found at working
    size, where the matte is, and applied at full size, where the frame's edges are. Frames on the CPU go through OpenCV, others through
    PyTorch; both compute the same, on the CPU to a level of 255.
    """

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """Return the matte at the frame's size, without its semantic part. See `p3mvideo.stages.Refiner`."""
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
    refined = np.zeros((frame.height, frame.width), np.float32)
    (rows, full_rows), (columns, full_columns) = (_extent(alpha.max(1), frame.height), _extent(alpha.max(0), frame.width))
    part = refined[full_rows, full_columns]
    if part.size:
        size = part.shape[1], part.shape[0]
        slope, offset = (cv2.resize(coefficient[rows, columns], size, interpolation=cv2.INTER_LINEAR) for coefficient in (mean(slope), offset))
        # In levels of 255, as everything is written: conversion to 8 bits clips and rounds in the pass that adds.
        levels = cv2.add(cv2.multiply(slope, frame.gray[full_rows, full_columns], dst=slope, dtype=cv2.CV_32F), offset, dtype=cv2.CV_8U)
        np.multiply(levels, np.float32(1 / 255), out=part)
    return torch.from_numpy(refined)[None]


def _extent(alpha: Float32Array, full: int) -> tuple[slice, slice]:
    """Return where along an axis the refined matte is not 0, in pixels of the matte and of the frame, between places where pixels of both begin.

    Args:
        alpha: The largest of each row or column of the matte, (n,).
        full: The frame's length along that axis.
    """
    places, small = np.flatnonzero(alpha), len(alpha)
    if not places.size:
        return slice(0, 0), slice(0, 0)
    step = small // gcd(small, full)
    first, end = max(0, int(places[0]) - REACH_PX) // step * step, min(small, -(-(int(places[-1]) + 1 + REACH_PX) // step) * step)
    return slice(first, end), slice(first * full // small, end * full // small)


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
