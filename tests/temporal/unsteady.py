"""Mattes that err as a network's do: edges that jitter, noise in the transition area, blobs that come and go."""

import cv2
import numpy as np
import numpy.typing as npt
import torch

from p3mvideo.matte import Matte
from p3mvideo.options import SmoothingOptions
from p3mvideo.options.smoothing import Smoothing
from p3mvideo.temporal import MatteStream, make_matte_stream

Alpha = npt.NDArray[np.float32]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Alpha:
    """Return noise with unit variance whose neighbours agree over `sigma` pixels."""
    factor = max(1, int(sigma / 2))
    small = rng.standard_normal((shape[0] // factor + 2, shape[1] // factor + 2)).astype(np.float32)
    noise = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return np.asarray(cv2.resize(noise / noise.std(), (shape[1], shape[0])), np.float32)


def unsteady(alphas: list[Alpha], seed: int, *, jitter_px: float = 1.0, noise: float = 0.12, blobs: float = 0.1) -> list[Matte]:
    """Return a wrong matte for each exact alpha (H, W).

    Args:
        alphas: Exact alphas.
        seed: Of all that is drawn.
        jitter_px: Standard deviation of the edges' displacement.
        noise: Standard deviation of the noise where alpha is partial.
        blobs: Chance per frame of a new hole in the person or a false blob beside it, lasting 1 to 4 frames.
    """
    rng = np.random.default_rng(seed)
    height, width = alphas[0].shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    offset = [smooth_noise(rng, (height, width), 16) * jitter_px for _ in range(2)]
    steady = [smooth_noise(rng, (height, width), 16) * jitter_px for _ in range(2)]
    alive: list[tuple[int, Alpha, float]] = []
    mattes = []
    for true in alphas:
        offset = [0.5 * o + 0.87 * jitter_px * smooth_noise(rng, (height, width), 16) for o in offset]
        alpha = cv2.remap(true, x + steady[0] + offset[0], y + steady[1] + offset[1], cv2.INTER_LINEAR)
        alpha = cv2.GaussianBlur(alpha, (0, 0), 1.0)
        alpha = alpha + noise * smooth_noise(rng, (height, width), 3) * 4 * alpha * (1 - alpha)
        alive = [(left - 1, blob, value) for left, blob, value in alive if left > 1]
        if rng.random() < blobs:
            inside = rng.random() < 0.5
            near = cv2.dilate(true, np.ones((61, 61))) - true > 0.5
            places = np.argwhere(true > 0.9 if inside else near)
            if len(places):
                cy, cx = places[rng.integers(len(places))]
                radius = rng.uniform(8, 25)
                blob = np.clip((radius - np.hypot(y - cy, x - cx) + 2 * smooth_noise(rng, (height, width), 6)) / 4, 0, 1)
                alive.append((int(rng.integers(1, 5)), blob, 0.0 if inside else 1.0))
        for _, blob, value in alive:
            alpha = alpha + blob * (value - alpha)
        mattes.append(matte_of(np.clip(alpha, 0, 1).astype(np.float32)))
    return mattes


def matte_of(alpha: Alpha) -> Matte:
    """Return the matte that a network with this fused alpha (H, W) would hand out."""
    wide = cv2.GaussianBlur(alpha, (0, 0), 3.0)
    foreground = np.clip(4 * wide - 3, 0, 1) * (alpha > 0.98)
    background = np.clip(1 - 4 * wide, 0, 1) * (alpha < 0.02)
    semantic = np.stack([background, 1 - foreground - background, foreground]).astype(np.float32)
    return Matte(torch.from_numpy(alpha)[None], torch.from_numpy(semantic))


def matte_stream(smoothing: Smoothing = "adaptive", strength: float = 0.5, lookahead: int = 0) -> MatteStream:
    """Return what smooths the mattes of a stream, without a look-ahead unless one is asked for."""
    return make_matte_stream(SmoothingOptions(smoothing=smoothing, smoothing_strength=strength, lookahead=lookahead))
