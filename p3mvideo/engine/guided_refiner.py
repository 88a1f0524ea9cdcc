"""Brings mattes to their frames' size, with edges that follow the frame."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.frame import Frame, Matte

RADIUS_PX = 2
"""Half the side of the windows in which alpha is modelled as linear in brightness, in working-size pixels."""
EPSILON = 2e-4
"""Brightness variance (in [0, 1] squared) below which a window counts as flat."""
LUMA = (0.299, 0.587, 0.114)


class GuidedRefiner:
    """A `Refiner`: fast guided filter (He and Sun, "Fast Guided Filter", arXiv 1505.00996).

    Inside small windows alpha is taken for a linear function of brightness. The function's two coefficients are found at working
    size, where the matte is, and applied at full size, where the frame's edges are. Frames on the CPU go through OpenCV, others through
    PyTorch; both compute the same.
    """

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """Return the matte at the frame's size, without its semantic part. See `p3mvideo.frame.Refiner`."""
        if matte.alpha.shape[1:] == frame.image.shape[1:]:
            return Matte(matte.alpha)
        if frame.image.device.type == "cpu":
            return Matte(_refine_on_cpu(frame, matte))
        return Matte(_refine_on_device(frame, matte))


def _refine_on_cpu(frame: Frame, matte: Matte) -> Tensor:
    alpha = matte.alpha[0].numpy()
    height, width = alpha.shape
    grey = cv2.cvtColor(frame.interleaved(), cv2.COLOR_RGB2GRAY)
    guide = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) * np.float32(1 / 255)
    side = (2 * RADIUS_PX + 1, 2 * RADIUS_PX + 1)

    def mean(x: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.blur(x, side, borderType=cv2.BORDER_REPLICATE))

    guide_mean, alpha_mean = mean(guide), mean(alpha)
    slope = (mean(guide * alpha) - guide_mean * alpha_mean) / (mean(guide * guide) - guide_mean * guide_mean + np.float32(EPSILON))
    offset = alpha_mean - slope * guide_mean
    size = (frame.width, frame.height)
    slope = cv2.resize(mean(slope) * np.float32(1 / 255), size, interpolation=cv2.INTER_LINEAR)
    offset = cv2.resize(mean(offset), size, interpolation=cv2.INTER_LINEAR)
    refined = cv2.multiply(slope, grey, dtype=cv2.CV_32F)
    cv2.add(refined, offset, dst=refined)
    cv2.min(refined, 1.0, dst=refined)
    cv2.max(refined, 0.0, dst=refined)
    return torch.from_numpy(refined)[None]


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
