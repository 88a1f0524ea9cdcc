"""How far smoothing could go: mattes averaged along the motion of the true person, which no filter knows."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.temporal.clips import RawClip
from p3mvideo.frame import Float32Array
from p3mvideo.ops.optical_flow import dense_flow, warp

REACH = 3
"""Frames before and after that are averaged."""
NEAR_PX = 4
"""How far from the true edge."""
AROUND_PX = 31
"""Side of the neighbourhood whose motion an edge takes over."""


def averaged_along_person(clip: RawClip, alphas: Float32Array) -> Float32Array:
    """Return mattes whose edges are the mean of `REACH` frames before, the frame itself and `REACH` after.

    Args:
        clip: A clip with exact alphas of the size of `alphas`.
        alphas: Its mattes, smoothed or not, in [0, 1], (T, h, w).
    """
    assert clip.true is not None
    size = alphas.shape[2], alphas.shape[1]
    images = [cv2.resize(cv2.cvtColor(frame.interleaved()[..., :3], cv2.COLOR_RGB2GRAY), size) for frame in clip.frames]
    window = np.ones((2 * NEAR_PX + 1,) * 2, np.uint8)
    averaged = alphas.copy()
    for t, true in enumerate(clip.true):
        inside = cv2.erode((true > 0.98).astype(np.float32), np.ones((3, 3)))
        brought = [alphas[t]]
        for other in range(max(0, t - REACH), min(len(alphas), t + REACH + 1)):
            if other != t:
                flow = _of_person(dense_flow(np.asarray(images[t], np.uint8), np.asarray(images[other], np.uint8), effort="medium"), inside)
                brought.append(warp(alphas[other], flow))
        near = cv2.dilate(((true > 0.02) & (true < 0.98)).astype(np.uint8), window) > 0
        averaged[t] = np.where(near, np.mean(brought, axis=0), alphas[t])
    return averaged


def _of_person(flow: Float32Array, inside: Float32Array) -> Float32Array:
    """Return a flow (h, w, 2) that goes on outside the person as it is inside, where `inside` (h, w) is 1."""
    area = (AROUND_PX, AROUND_PX)
    weight = cv2.blur(inside, area) + np.float32(1e-4)
    around = np.dstack([cv2.blur(part * inside, area) / weight for part in cv2.split(flow)])
    return np.asarray(np.where(inside[..., None] > 0, flow, around), np.float32)
