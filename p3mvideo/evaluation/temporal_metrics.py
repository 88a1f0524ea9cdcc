"""How steady and how punctual predicted alphas are over a clip, against the true ones.

Two conventions of dtSSD exist whose numbers must never be compared: the video convention (`dtssd`, about 1 to 3, whole image)
and the unnormalised one (`dtssd_sum`, about 20 to 40, unknown area only).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.ops.optical_flow import dense_flow, warp

Alphas = npt.NDArray[np.floating]
"""Alphas in [0, 1] of consecutive frames, (T, H, W)."""
Masks = npt.NDArray[np.bool_]

BAND_PX = 8
"""How far from a moving edge its error is measured."""
MOVING_PX = 2.0
"""An edge moves if it advances by more than this from one frame to the next."""
MAX_LAG = 4
"""The largest lag looked for, in frames."""


@dataclass(frozen=True)
class ClipMetrics:
    """The temporal quality of one clip; lower is better for all."""

    mad: float
    """Mean absolute difference times 1000."""
    dtssd: float
    """Video convention, see `dtssd`."""
    dtssd_sum: float
    """Unnormalised, see `dtssd_sum`."""
    messddt: float
    """See `messddt`."""
    moving_edge: float
    """See `moving_edge_error`; NaN if no edge moves."""
    lag: float
    """See `lag_frames`; NaN if no edge moves."""


def clip_metrics(predicted: Alphas, true: Alphas, frames: list[UInt8Array]) -> ClipMetrics:
    """Measure one clip.

    Args:
        predicted: Alphas in [0, 1], (T, H, W).
        true: Exact alphas, same shape.
        frames: T RGB images (H, W, 3), for the optical flow.

    Raises:
        ValueError: The shapes differ.
    """
    _check(predicted, true)
    if len(frames) != len(true):
        raise ValueError(f"a clip has as many frames as alphas, got {len(frames)} and {len(true)}")
    return ClipMetrics(
        mad=float(np.abs(predicted - true).mean() * 1e3),
        dtssd=float(dtssd(predicted, true).mean()),
        dtssd_sum=float(dtssd_sum(predicted, true).mean()),
        messddt=float(messddt(predicted, true, frames).mean()),
        moving_edge=moving_edge_error(predicted, true),
        lag=lag_frames(predicted, true),
    )


def dtssd(predicted: Alphas, true: Alphas) -> npt.NDArray[np.float64]:
    """Return the error of the change from frame to frame, in the convention of video matting papers.

    100 times the root of the mean over all pixels of ((p_t - p_t-1) - (g_t - g_t-1))²; 0 for the first frame, which counts in the
    clip's mean. Erofeev et al., "Perceptually motivated benchmark for video matting", BMVC 2015, as normalised by Lin et al.,
    "Robust high-resolution video matting with temporal guidance", WACV 2022.

    Returns:
        One value a frame, (T,).
    """
    _check(predicted, true)
    values = np.zeros(len(true))
    for t in range(1, len(true)):
        change = (predicted[t] - predicted[t - 1]) - (true[t] - true[t - 1])
        values[t] = np.sqrt(np.mean(np.square(change))) * 100
    return values


def dtssd_sum(predicted: Alphas, true: Alphas, unknown: Masks | None = None) -> npt.NDArray[np.float64]:
    """Return the unnormalised error of the change to the next frame: the root of the sum over the unknown area.

    Zhang et al., "Attention-guided temporally coherent video object matting", ACM MM 2021. 0 for the last frame, which counts.

    Args:
        predicted: Alphas in [0, 1], (T, H, W).
        true: Exact alphas, same shape.
        unknown: The unknown area of each frame's trimap, (T, H, W); `unknown_area` of the true alphas if None.

    Returns:
        One value a frame, (T,).
    """
    _check(predicted, true)
    values = np.zeros(len(true))
    for t in range(len(true) - 1):
        area = unknown_area(true[t]) if unknown is None else unknown[t]
        change = (predicted[t] - predicted[t + 1]) - (true[t] - true[t + 1])
        values[t] = np.sqrt(np.sum(np.square(change[area])))
    return values


def messddt(predicted: Alphas, true: Alphas, frames: list[UInt8Array], unknown: Masks | None = None) -> npt.NDArray[np.float64]:
    """Return how much the squared error changes along the motion: the sum over the unknown area of |e²_t - warped e²_t+1|.

    Same source and conventions as `dtssd_sum`; the flow is computed here (dense inverse search), so that values depend on it.

    Args:
        predicted: Alphas in [0, 1], (T, H, W).
        true: Exact alphas, same shape.
        frames: T RGB images (H, W, 3).
        unknown: The unknown area of each frame's trimap, (T, H, W); `unknown_area` of the true alphas if None.

    Returns:
        One value a frame, (T,).
    """
    _check(predicted, true)
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    values = np.zeros(len(true))
    for t in range(len(true) - 1):
        area = unknown_area(true[t]) if unknown is None else unknown[t]
        flow = dense_flow(gray[t], gray[t + 1], effort="medium")
        next_predicted, next_true = (warp(a[t + 1].astype(np.float32), flow) for a in (predicted, true))
        change = np.square(predicted[t] - true[t]) - np.square(next_predicted - next_true)
        values[t] = np.sum(np.abs(change[area]))
    return values


def unknown_area(alpha: npt.NDArray[np.floating], radius_px: int = 10) -> Masks:
    """Return where a trimap made from an exact alpha (H, W) is undecided: around edges and partly transparent pixels."""
    person = (alpha >= 0.5).astype(np.uint8)
    edge = (person != cv2.erode(person, np.ones((3, 3), np.uint8))) | ((alpha > 0.02) & (alpha < 0.98))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    return np.asarray(cv2.dilate(edge.astype(np.uint8), disc), bool)


def moving_edge_error(predicted: Alphas, true: Alphas) -> float:
    """Return the mean absolute error within `BAND_PX` of true edges that move faster than `MOVING_PX` a frame, NaN if none does.

    An edge is the 0.5 contour of the true alpha; it has moved as far as its pixels are from the contour of the frame before.
    """
    _check(predicted, true)
    total, count = 0.0, 0
    for t in range(1, len(true)):
        near = _near_moving_edge(true[t - 1], true[t])
        total += float(np.abs(predicted[t] - true[t])[near].sum())
        count += int(near.sum())
    return total / count if count else float("nan")


def lag_frames(predicted: Alphas, true: Alphas) -> float:
    """Return by how many frames the predicted edges follow the true ones, NaN if no edge moves.

    The positions of the outermost left and right edge of each row over time are matched with the true ones shifted by -4 to 4
    frames; the lag with the least squared distance, which is the peak of their cross-correlation, is refined by a parabola.
    """
    _check(predicted, true)
    p, g = (np.stack([_edge_positions(alpha) for alpha in alphas]) for alphas in (predicted, true))  # (T, 2 H)
    if len(g) <= 2 * MAX_LAG:
        return float("nan")
    inner = slice(MAX_LAG, len(true) - MAX_LAG)
    shifted = np.stack([np.roll(g, lag, axis=0)[inner] for lag in range(-MAX_LAG, MAX_LAG + 1)])  # (lags, t, 2 H)
    speed = np.nan_to_num(np.gradient(g, axis=0)[inner])
    away = p[inner] - shifted
    # A row whose predicted edge is far off says nothing about time: there the network has failed, not the clock.
    near = np.nan_to_num(np.abs(p[inner] - g[inner]), nan=np.inf) < 4 * np.abs(speed) + 4
    usable = np.isfinite(away).all(0) & near & (np.abs(speed) > 0.5)
    if usable.sum() < 50:
        return float("nan")
    moments = np.maximum(usable.sum(0), 1)
    mean_speed = (speed * usable).sum(0) / moments
    if np.square((speed - mean_speed)[usable]).mean() > 0.5 * np.square(speed[usable]).mean():
        # Motion to and fro tells an edge that is late from one that is always too far out; steady motion cannot.
        away = away - (np.nan_to_num(away) * usable).sum(1, keepdims=True) / moments
    error = np.mean(np.square(away[:, usable]), axis=1)
    best = int(np.clip(np.argmin(error), 1, len(error) - 2))
    before, least, after = error[best - 1 : best + 2]
    bend = before - 2 * least + after
    return float(best - MAX_LAG + (0.5 * (before - after) / bend if bend > 0 else 0.0))


def _near_moving_edge(before: npt.NDArray[np.floating], now: npt.NDArray[np.floating]) -> Masks:
    """Return which pixels are near an edge of `now` that was elsewhere in `before`."""
    far = _distance_to_edge(before) > MOVING_PX
    moving = _edge(now) & far
    if not moving.any():
        return moving
    return np.asarray(cv2.distanceTransform((~moving).astype(np.uint8), cv2.DIST_L2, 5) <= BAND_PX, bool)


def _edge(alpha: npt.NDArray[np.floating]) -> Masks:
    person = (alpha >= 0.5).astype(np.uint8)
    return np.asarray(person != cv2.erode(person, np.ones((3, 3), np.uint8)), bool)


def _distance_to_edge(alpha: npt.NDArray[np.floating]) -> Float32Array:
    """Return each pixel's distance to the nearest edge, infinite if there is none."""
    edge = _edge(alpha)
    if not edge.any():
        return np.full(alpha.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _edge_positions(alpha: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return where alpha first crosses 0.5 from the left and from the right in each row, in pixels from the left, or NaN."""
    return np.concatenate([_first_crossing(alpha), alpha.shape[1] - 1 - _first_crossing(alpha[:, ::-1])])


def _first_crossing(alpha: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    first = np.argmax(alpha >= 0.5, axis=1)
    rows = np.arange(len(alpha))
    inside = alpha[rows, first].astype(np.float64)
    outside = alpha[rows, np.maximum(first - 1, 0)].astype(np.float64)
    step = np.where(inside > outside, inside - outside, 1.0)
    return np.where((first > 0) & (inside >= 0.5), first - (inside - 0.5) / step, np.nan)


def _check(predicted: Alphas, true: Alphas) -> None:
    if predicted.shape != true.shape or true.ndim != 3:
        raise ValueError(f"predicted and true alphas are (T, H, W) of one shape, got {predicted.shape} and {true.shape}")
