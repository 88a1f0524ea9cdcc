"""What a face is filled with: its surroundings, carried inward.

The method is pull-push ("The Lumigraph", Gortler et al., 1996, section 3.4): an image of which only some pixels are known is averaged down
to ever fewer pixels until each knows something, and filled from there upward. No pixel that is covered by more than half is ever known, so
the result is a function of what can be seen anyway, and tells nothing of a face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.privacy.cover.ellipse import Ellipse
from p3mvideo.privacy.detect.crop import halved
from p3mvideo.yuv420 import IntBox

Int16Array = npt.NDArray[np.int16]
Affine = npt.NDArray[np.float64]

GRID_PX = 40
"""Side of the square, leaning with the face, in which colours are filled in."""
EXTENT = 1.6
"""How many semi-axes of the ellipse that square reaches from its middle."""
SMOOTH_PX = 1.6
"""Standard deviation of the final blur, in pixels of the square."""
NEUTRAL = 118.0
"""Level of the grey that stands where nothing around a face can be seen: middle grey in sRGB."""
NOISE_ROWS = 12
"""Number of rows around a face in which the film's noise is measured."""
NOISE_AT_MOST = 4.0
"""Texture passes for noise; no more levels than this are believed."""
DITHER = 0.5
"""Levels of noise that keep a smooth gradient from showing steps, where the film has less."""
GRAIN: Int16Array = np.round(np.random.default_rng(0).normal(0, 64, (512, 512))).astype(np.int16)
"""Noise with a standard deviation of 64."""
MEMORY_SECONDS = 0.25
"""Time constant with which a fill follows its surroundings."""
CHANGE = 24.0
"""Levels on average by which surroundings differ when the light or the scene has changed: they are then followed at once."""


def _likely_head() -> Float32Array:
    """Return how likely each pixel of the square around a face belongs to the head or neck, float32 (GRID_PX, GRID_PX)."""
    x, y = np.meshgrid(*[(np.arange(GRID_PX) + 0.5 - GRID_PX / 2) * 2 * EXTENT / GRID_PX] * 2)
    # Below lies the neck; above, hair or what is behind the head; beside, mostly what is behind it.
    neck, hair = np.exp(-((x / 0.5) ** 4)) * (y > 0), 0.25 * np.exp(-((x / 0.7) ** 4)) * (y <= 0)
    near = np.exp(-((np.maximum(np.hypot(x, y) - 1.15, 0) / 0.15) ** 2))
    return ((0.04 + 0.96 * (neck + hair)) * (0.02 + 0.98 * near)).astype(np.float32)


LIKELY_HEAD = _likely_head()


@dataclass(frozen=True, eq=False)
class Fill:
    """The colours that replace a face."""

    colours: Float32Array
    """RGB in [0, 255], float32 (GRID_PX, GRID_PX, 3), in the square that leans with the face."""
    noise: float
    """Standard deviation of the film's noise, in levels."""

    def after(self, before: Fill, passed_seconds: float) -> Fill:
        """Return the fill of a moment that follows another one's, steadied."""
        gain = float(1 - np.exp(-max(0.0, passed_seconds) / MEMORY_SECONDS))
        change = float(cv2.absdiff(self.colours, before.colours).mean())
        gain = min(1.0, max(gain, change / CHANGE))
        colours = cv2.addWeighted(self.colours, gain, before.colours, 1 - gain, 0)
        return Fill(np.asarray(colours, np.float32), gain * self.noise + (1 - gain) * before.noise)

    def painted(self, ellipse: Ellipse, bounds: IntBox, *, seed: int) -> UInt8Array:
        """Return the pixels inside `bounds`, uint8 RGB (h, w, 3), with noise that `seed` decides."""
        x0, y0, x1, y1 = bounds
        size = (x1 - x0, y1 - y0)
        # Turned upright while it is small: enlarging alone is many times as fast as turning.
        across, down = (min(length, GRID_PX) for length in size)
        to_upright = np.diag((across / size[0], down / size[1])) @ _centred(ellipse.to_patch(x0, y0, EXTENT, GRID_PX), 0.5)
        upright = cv2.warpAffine(
            self.colours * 64, _centred(to_upright, -0.5), (across, down), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.int16)
        smooth = cv2.resize(upright, size, interpolation=cv2.INTER_LINEAR)
        level = max(self.noise, DITHER)
        grain = cv2.merge([_grain(size, seed)] * 3)
        return np.asarray(cv2.addWeighted(smooth, 1 / 64, grain, level / 64, 0, dtype=cv2.CV_8U), np.uint8)


def fill_of(image: UInt8Array, ellipse: Ellipse, others: Sequence[Ellipse]) -> Fill | None:
    """Return what replaces a face, or None if nothing around it can be seen.

    Args:
        image: uint8 RGB (H, W, 3).
        ellipse: What is covered for it.
        others: What is covered for other faces, whose pixels do not count either.
    """
    height, width = image.shape[:2]
    bounds = ellipse.bounds(width, height, margin_px=(EXTENT - 1) * max(ellipse.across, ellipse.down))
    if bounds is None:
        return None
    x0, y0, x1, y1 = bounds
    patch = image[y0:y1, x0:x1]
    small, factor = halved(patch, 2 * EXTENT * max(ellipse.across, ellipse.down), 2 * GRID_PX)
    known = np.full(small.shape[:2], 255, np.uint8)
    for covered in (ellipse, *others):
        # A pixel that was averaged from several is known only if all of those show at least half of what is there.
        covered.draw(known, 0, margin_px=covered.half_border_px + 1.5 * factor, left=x0, top=y0, factor=factor)
    if not known.any():
        return None
    weighted = cv2.merge([*cv2.split(small), known])
    weighted[known == 0] = 0
    to_small = _centred(_centred(ellipse.to_patch(x0, y0, EXTENT, GRID_PX), 0.5) / factor, -0.5)
    square = cv2.warpAffine(
        weighted, to_small, (GRID_PX, GRID_PX), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT
    ).astype(np.float32)
    if not square[..., 3].any():
        return None
    weighted_square = square * LIKELY_HEAD[..., None]
    filled = _pull_push(weighted_square[..., :3], weighted_square[..., 3] / 255)
    return Fill(cv2.GaussianBlur(filled, (0, 0), SMOOTH_PX), _noise(patch, known, factor))


def neutral_fill() -> Fill:
    """Return what replaces a face of whose surroundings nothing was ever seen."""
    return Fill(np.full((GRID_PX, GRID_PX, 3), NEUTRAL, np.float32), 0.0)


def _centred(affine: Affine, shift: float) -> Affine:
    """Return an affine map (2, 3) whose results are shifted: by 0.5 from pixels' numbers to distances from the edge, by -0.5 back."""
    return np.asarray(affine + np.array(((0, 0, shift), (0, 0, shift))), np.float64)


def _pull_push(weighted: Float32Array, weight: Float32Array) -> Float32Array:
    """Return colours for all pixels, float32 (h, w, 3).

    Args:
        weighted: Colours times weights, float32 (h, w, 3).
        weight: How well each pixel is known, in [0, 1], float32 (h, w).
    """
    if min(weight.shape) <= 2:
        return np.broadcast_to(weighted.sum((0, 1)) / max(float(weight.sum()), 1e-6), weighted.shape).astype(np.float32)
    lower_weight = cv2.pyrDown(weight)
    # Counted again as fully known from a quarter on, or what is far would outweigh what is near.
    scale = np.minimum(4 * lower_weight, 1) / np.maximum(lower_weight, 1e-6)
    lower = _pull_push(cv2.pyrDown(weighted) * scale[..., None], lower_weight * scale)
    above = cv2.pyrUp(lower, dstsize=weight.shape[::-1])
    return np.asarray(weighted + (1 - weight[..., None]) * above, np.float32)


def _noise(patch: UInt8Array, known: UInt8Array, factor: int) -> float:
    """Return the standard deviation of the noise in what is known of a patch, in levels.

    Second differences along rows ("Fast Noise Variance Estimation", Immerkaer, 1996, in one dimension), of which the smaller ones count:
    the larger ones are texture.
    """
    step = max(1, known.shape[0] // NOISE_ROWS)
    levels = patch[:: step * factor, :, 1].astype(np.int16)[: len(known[::step])]
    difference = np.abs(levels[:, :-2] - 2 * levels[:, 1:-1] + levels[:, 2:])
    seen = np.repeat(known[::step] > 0, factor, axis=1)[:, 1 : difference.shape[1] + 1]
    sample = difference[:, : seen.shape[1]][seen]
    if not sample.size:
        return 0.0
    # Of a normal distribution's absolute values a fifth lies below 0.253 standard deviations.
    fifth = sample.size // 5
    return min(float(np.partition(sample, fifth)[fifth]) / (0.253 * 6**0.5), NOISE_AT_MOST)


def _grain(size: tuple[int, int], seed: int) -> Int16Array:
    """Return noise for a (width, height), int16 (h, w), see `GRAIN`. Each seed shifts it."""
    left, top = np.random.default_rng(seed).integers(len(GRAIN) // 4, size=2).tolist()
    below, beside = (max(0, begin + length - len(GRAIN)) for begin, length in ((top, size[1]), (left, size[0])))
    grain = np.asarray(cv2.copyMakeBorder(GRAIN, 0, below, 0, beside, cv2.BORDER_WRAP), np.int16) if below or beside else GRAIN
    return grain[top : top + size[1], left : left + size[0]]
