"""Errors of alpha mattes: pure functions on arrays, with the scale factors of the P3M-10k benchmark (arXiv 2203.16828).

`pred_alpha` and `true_alpha` are float (H, W) in [0, 1]; `trimap` is uint8 (H, W) with 0 background, 128 transition and
255 foreground; `mask` is bool (H, W). The video convention (RobustVideoMatting, arXiv 2108.11515) scales some of the same errors
otherwise, see `video_frame_scores`. An error that an image leaves undefined (no pixel to average over) is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.frame import UInt8Array
from p3mvideo.options.evaluation import METRICS, Metric

FloatArray = npt.NDArray[np.float32] | npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BACKGROUND, TRANSITION, FOREGROUND = 0, 128, 255
GRADIENT_SIGMA_PX = 1.4
CONNECTIVITY_STEP = 0.1
CONNECTIVITY_TOLERANCE = 0.15
PERSON_THRESHOLD = 0.5


class Kernels(NamedTuple):
    """A separable derivative filter: smooths along one axis, differentiates along the other."""

    smooth: npt.NDArray[np.float64]
    slope: npt.NDArray[np.float64]


def sad(pred_alpha: FloatArray, true_alpha: FloatArray) -> float:
    """Sum of absolute differences / 1000."""
    return _total(np.abs(_difference(pred_alpha, true_alpha))) / 1000


def mad(pred_alpha: FloatArray, true_alpha: FloatArray) -> float:
    """Mean absolute difference."""
    return _total(np.abs(_difference(pred_alpha, true_alpha))) / true_alpha.size


def mse(pred_alpha: FloatArray, true_alpha: FloatArray) -> float:
    """Mean squared difference."""
    return _total(np.square(_difference(pred_alpha, true_alpha))) / true_alpha.size


def with_known(pred_alpha: FloatArray, trimap: UInt8Array) -> FloatArray:
    """Return the prediction with 1 where the trimap says foreground and 0 where it says background."""
    completed: FloatArray = pred_alpha.copy()
    completed[trimap == FOREGROUND] = 1
    completed[trimap == BACKGROUND] = 0
    return completed


def sad_t(pred_alpha: FloatArray, true_alpha: FloatArray, trimap: UInt8Array) -> float:
    """SAD-T: `sad` of the prediction completed by the trimap; over all pixels, as published."""
    return sad(with_known(pred_alpha, trimap), true_alpha)


def mad_t(pred_alpha: FloatArray, true_alpha: FloatArray, trimap: UInt8Array) -> float:
    """MAD-T: absolute differences of the prediction completed by the trimap, divided by the number of transition pixels."""
    return _per(_total(np.abs(_difference(with_known(pred_alpha, trimap), true_alpha))), _transition_size(trimap))


def mse_t(pred_alpha: FloatArray, true_alpha: FloatArray, trimap: UInt8Array) -> float:
    """MSE-T: squared differences of the prediction completed by the trimap, divided by the number of transition pixels."""
    return _per(_total(np.square(_difference(with_known(pred_alpha, trimap), true_alpha))), _transition_size(trimap))


def sad_within(pred_alpha: FloatArray, true_alpha: FloatArray, mask: BoolArray) -> float:
    """Sum of absolute differences inside `mask` / 1000.

    SAD-FG is this inside the trimap's foreground, SAD-BG inside its background; inside the face mask it is a privacy metric.
    """
    return _total(np.abs(_difference(pred_alpha, true_alpha))[mask]) / 1000


def mad_within(pred_alpha: FloatArray, true_alpha: FloatArray, mask: BoolArray) -> float:
    """Mean absolute difference inside `mask`; NaN if it is empty."""
    return _per(_total(np.abs(_difference(pred_alpha, true_alpha))[mask]), int(np.count_nonzero(mask)))


def mse_within(pred_alpha: FloatArray, true_alpha: FloatArray, mask: BoolArray) -> float:
    """Mean squared difference inside `mask`; NaN if it is empty."""
    return _per(_total(np.square(_difference(pred_alpha, true_alpha))[mask]), int(np.count_nonzero(mask)))


def grad(pred_alpha: FloatArray, true_alpha: FloatArray) -> float:
    """Sum of the squared differences of both mattes' gradient magnitudes / 10 (Rhemann et al., CVPR 2009; P3M's scale).

    Derivatives of a normalised Gaussian, sigma 1.4, cut off at 4 sigma; the border is mirrored.
    """
    return _gradient_error(pred_alpha, true_alpha, _p3m_kernels(), cv2.BORDER_REFLECT) / 10


def conn(pred_alpha: FloatArray, true_alpha: FloatArray) -> float:
    """Connectivity error (Rhemann et al., CVPR 2009) / 1000.

    A pixel's level is the last threshold at which it still belongs to the largest 4-connected part that both mattes share. Where
    they share nothing at a threshold, every pixel has dropped out (the published code leaves such pixels connected, so that an
    empty prediction was perfect).
    """
    _difference(pred_alpha, true_alpha)
    both = np.minimum(pred_alpha, true_alpha)
    # float32 as in the published code: 0.25 - float32(0.1) falls below the tolerance, 0.25 - 0.1 does not.
    level = np.ones(true_alpha.shape, np.float32)
    connected = np.ones(true_alpha.shape, np.bool_)
    for step in range(1, 11):
        still = connected & _largest_part(both >= step * CONNECTIVITY_STEP)
        level[connected & ~still] = (step - 1) * CONNECTIVITY_STEP
        connected = still
    return _total(np.abs(_connectivity(pred_alpha, level) - _connectivity(true_alpha, level))) / 1000


def iou(pred_alpha: FloatArray, true_person: BoolArray) -> float:
    """Intersection over union of `pred_alpha` > 0.5 and the person's mask, bool (H, W); 1 if both are empty."""
    pred_person = pred_alpha > PERSON_THRESHOLD
    if pred_person.shape != true_person.shape:
        raise ValueError(f"masks of one size are needed, got {pred_person.shape} and {true_person.shape}")
    union = np.count_nonzero(pred_person | true_person)
    return float(np.count_nonzero(pred_person & true_person) / union) if union else 1.0


def image_scores(
    pred_alpha: FloatArray,
    true_alpha: FloatArray,
    *,
    trimap: UInt8Array | None = None,
    face_mask: BoolArray | None = None,
    person: BoolArray | None = None,
    metrics: tuple[Metric, ...] = METRICS,
) -> dict[str, float]:
    """Return the named errors of one still image, those that need a missing trimap or face mask left out.

    Args:
        pred_alpha: Predicted alpha.
        true_alpha: True alpha.
        trimap: Needed by the metrics on the transition, the foreground and the background.
        face_mask: Where a face is; needed by the privacy metrics.
        person: The person's mask for `iou`; without it, where the true alpha is above 0.5.
        metrics: Which errors, by name.
    """
    p, t = pred_alpha, true_alpha
    known: dict[Metric, Callable[[], float]] = {
        "sad": lambda: sad(p, t),
        "mse": lambda: mse(p, t),
        "mad": lambda: mad(p, t),
        "grad": lambda: grad(p, t),
        "conn": lambda: conn(p, t),
        "iou": lambda: iou(p, t > PERSON_THRESHOLD if person is None else person),
    }
    if trimap is not None:
        known |= {
            "sad_t": lambda: sad_t(p, t, trimap),
            "mse_t": lambda: mse_t(p, t, trimap),
            "mad_t": lambda: mad_t(p, t, trimap),
            "sad_fg": lambda: sad_within(p, t, trimap == FOREGROUND),
            "sad_bg": lambda: sad_within(p, t, trimap == BACKGROUND),
        }
    if face_mask is not None:
        known |= {
            "sad_face": lambda: sad_within(p, t, face_mask),
            "mse_face": lambda: mse_within(p, t, face_mask),
            "mad_face": lambda: mad_within(p, t, face_mask),
        }
    return {name: known[name]() for name in metrics if name in known}


def video_frame_scores(pred_alpha: FloatArray, true_alpha: FloatArray, *, with_conn: bool = True) -> dict[str, float]:
    """Return MAD x 1000, MSE x 1000, Grad and Conn of one frame in the video convention; the clip's score is the mean.

    `with_conn` False leaves out Conn, which is slow and not reported for full-resolution clips.
    """
    pair = pred_alpha.astype(np.float32), true_alpha.astype(np.float32)
    scores = {
        "mad": mad(*pair) * 1000,
        "mse": mse(*pair) * 1000,
        "grad": _gradient_error(*pair, _video_kernels(), cv2.BORDER_REPLICATE) / 1000,
    }
    return {**scores, "conn": conn(*pair)} if with_conn else scores


def _difference(pred_alpha: FloatArray, true_alpha: FloatArray) -> FloatArray:
    if pred_alpha.shape != true_alpha.shape or true_alpha.ndim != 2:
        raise ValueError(f"two mattes (H, W) of one size are needed, got {pred_alpha.shape} and {true_alpha.shape}")
    if not (np.issubdtype(pred_alpha.dtype, np.floating) and np.issubdtype(true_alpha.dtype, np.floating)):
        raise TypeError(f"mattes are floats in [0, 1], got {pred_alpha.dtype} and {true_alpha.dtype}: divide what is in 0 to 255 by 255")
    return pred_alpha - true_alpha


def _total(values: FloatArray) -> float:
    return float(values.sum(dtype=np.float64))


def _per(total: float, count: int) -> float:
    return total / count if count else float("nan")


def _transition_size(trimap: UInt8Array) -> int:
    """Number of transition pixels; without a single 128, that of the pixels which are neither background nor foreground."""
    exact = int(np.count_nonzero(trimap == TRANSITION))
    return exact or int(np.count_nonzero((trimap != BACKGROUND) & (trimap != FOREGROUND)))


def _gradient_error(pred_alpha: FloatArray, true_alpha: FloatArray, kernels: Kernels, border: int) -> float:
    _difference(pred_alpha, true_alpha)
    return _total(np.square(_magnitude(pred_alpha, kernels, border) - _magnitude(true_alpha, kernels, border)))


def _magnitude(alpha: FloatArray, kernels: Kernels, border: int) -> FloatArray:
    values = np.ascontiguousarray(alpha)
    across = cv2.sepFilter2D(values, -1, kernels.slope, kernels.smooth, borderType=border)
    down = cv2.sepFilter2D(values, -1, kernels.smooth, kernels.slope, borderType=border)
    magnitude: FloatArray = np.sqrt(across * across + down * down)
    return magnitude


@lru_cache(maxsize=1)
def _p3m_kernels() -> Kernels:
    """The Gaussian of sum 1 and its derivative, cut off at 4 sigma."""
    smooth, x = _gaussian(int(4 * GRADIENT_SIGMA_PX + 0.5))
    smooth /= smooth.sum()
    return Kernels(smooth, x * smooth / GRADIENT_SIGMA_PX**2)


@lru_cache(maxsize=1)
def _video_kernels() -> Kernels:
    """The Gaussian and its derivative, whose outer product has unit length; cut off where the normal density is below 0.01."""
    reach = np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * GRADIENT_SIGMA_PX * 0.01))
    smooth, x = _gaussian(int(np.ceil(GRADIENT_SIGMA_PX * reach)))
    slope = x * smooth
    return Kernels(smooth / np.linalg.norm(smooth), slope / np.linalg.norm(slope))


def _gaussian(half_px: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return an unscaled Gaussian and the positions of its samples."""
    x = np.arange(-half_px, half_px + 1, dtype=np.float64)
    return np.exp(-(x**2) / (2 * GRADIENT_SIGMA_PX**2)), x


def _largest_part(mask: BoolArray) -> BoolArray:
    """Return the largest 4-connected part of a mask, empty if the mask is."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    if count < 2:
        return np.zeros_like(mask)
    part: BoolArray = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return part


def _connectivity(alpha: FloatArray, level: npt.NDArray[np.float32]) -> FloatArray:
    drop = alpha - level
    degree: FloatArray = 1 - drop * (drop >= CONNECTIVITY_TOLERANCE)
    return degree
