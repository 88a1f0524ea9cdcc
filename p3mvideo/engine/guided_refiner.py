"""Brings mattes to their frames' size, with edges that follow the frame."""

from __future__ import annotations

from math import gcd

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.ops.shrink import shrunk

RADIUS_PX = 1
"""Half the side of the windows in which alpha is modelled as linear in brightness, in working-size pixels."""
EPSILON = 1e-3
"""Brightness variance (in [0, 1] squared) below which a window counts as flat."""
REACH_PX = 2 * RADIUS_PX + 1
"""How far from where alpha is not 0 the refined one may be: by two means, and by a pixel when they are enlarged; in working-size pixels."""


class GuidedRefiner:
    """A `Refiner`: the matte enlarged, and in it the fine edges of the frame that its own size could not show.

    The slope is that of the fast guided filter (He and Sun, "Fast Guided Filter", arXiv 1505.00996): inside small windows alpha is taken for
    a linear function of brightness, found at working size, where the matte is, and applied at full size, where the frame's edges are. The
    offset is not: here the function goes through each value of the matte, so that all which the filter cannot explain by brightness stays
    as it was. The filter's own offset, a mean over two windows, blurs mattes that are sharper than that (see BENCHMARKS.md, Edges).
    Frames on the CPU go through OpenCV, others through PyTorch; both compute the same, on the CPU to a level of 255.
    """

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """Return the matte at the frame's size, without its semantic part. See `p3mvideo.stages.Refiner`."""
        if matte.shape == frame.shape[1:]:
            return matte.only_alpha()
        if frame.on_host:
            return Matte.of_levels(_refine_on_host(frame, matte.alpha_array()))
        from p3mvideo.engine.refine_on_device import refine_on_device

        return Matte(refine_on_device(frame.image, matte.alpha))


def _refine_on_host(frame: Frame, alpha: Float32Array) -> UInt8Array:
    """Return alpha (h, w) refined, in levels of 255, (H, W): nothing finer is ever written."""
    height, width = alpha.shape
    guide = shrunk(frame.gray, (width, height)).astype(np.float32) * np.float32(1 / 255)
    side = (2 * RADIUS_PX + 1, 2 * RADIUS_PX + 1)

    def mean(x: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.blur(x, side, borderType=cv2.BORDER_REPLICATE))

    guide_mean, alpha_mean = mean(guide), mean(alpha)
    slope = mean((mean(guide * alpha) - guide_mean * alpha_mean) / (mean(guide * guide) - guide_mean * guide_mean + np.float32(EPSILON)))
    offset = (alpha - slope * guide) * np.float32(255)
    refined = np.zeros((frame.height, frame.width), np.uint8)
    (rows, full_rows), (columns, full_columns) = (_extent(alpha.max(1), frame.height), _extent(alpha.max(0), frame.width))
    part = refined[full_rows, full_columns]
    if part.size:
        size = part.shape[1], part.shape[0]
        slope, offset = (cv2.resize(coefficient[rows, columns], size, interpolation=cv2.INTER_LINEAR) for coefficient in (slope, offset))
        # Conversion to 8 bits clips and rounds in the pass that adds.
        part[:] = cv2.add(cv2.multiply(slope, frame.gray[full_rows, full_columns], dst=slope, dtype=cv2.CV_32F), offset, dtype=cv2.CV_8U)
    return refined


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
