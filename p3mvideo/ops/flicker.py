"""A score for how much a matte flickers, on anybody's clip, without ground truth.

A matte that belongs to its image changes only along with it. Each alpha is compared with the mean of its two neighbours in time,
both brought to it along the motion of the image; where the image itself is explained by that motion, what is left over is flicker:

    score = 100 · sqrt(mean over all pixels of trust · (a_t - (warped a_t-1 + warped a_t+1) / 2)²)

in the unit of dtSSD in the video convention. Steady errors, and people who move, enter or leave, do not count; errors that come and
go do. It tells apart two mattes of one clip; it says nothing about how right they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array, check_rgb
from p3mvideo.ops.optical_flow import dense_flow, warp

LONG_SIDE_PX = 512
"""Longer side at which frames and alphas are compared."""
NOISE_LEVELS = 6.0
"""Difference of the images, in 8-bit levels, up to which the motion explains them."""
STRIP_FRAMES = 5
"""Moments kept around the worst one."""


class Moment(NamedTuple):
    """One frame and its matte, as they are compared."""

    image: UInt8Array
    """RGB (h, w, 3)."""
    alpha: Float32Array
    """In [0, 1], (h, w)."""
    flicker: Float32Array
    """What the alpha has more or less than its neighbours in time let expect, in [-1, 1], (h, w); 0 without two neighbours."""

    @property
    def score(self) -> float:
        """100 times the root of the mean square of `flicker`."""
        return float(100 * np.sqrt(np.mean(np.square(self.flicker))))


@dataclass(frozen=True)
class FlickerReport:
    """How much the mattes of a clip flicker."""

    score: float
    """Mean over all frames that have two neighbours; 0 if there is none."""
    scores: tuple[float, ...]
    """One a frame; 0 for the first and the last."""
    worst: int
    """Index of the frame with the highest score."""
    around_worst: tuple[Moment, ...]
    """The frames around the worst one, in order."""
    around_start: int
    """Index of the first of `around_worst`."""


def measure_flicker(clip: Iterable[tuple[UInt8Array, Float32Array]]) -> FlickerReport:
    """Score a clip, holding a few frames at a time.

    Args:
        clip: Each moment's frame, RGB (H, W, 3), and alpha in [0, 1], (H, W) or smaller, in order.

    Raises:
        TypeError, ValueError: The clip is empty, its size changes, or a frame or an alpha is another kind of array.
    """
    scores: list[float] = []
    latest: deque[Moment] = deque(maxlen=STRIP_FRAMES)
    around: tuple[Moment, ...] = ()
    worst = start = 0
    for index, moment in enumerate(_judged(clip)):
        latest.append(moment)
        scores.append(moment.score)
        if scores[index] > scores[worst]:
            worst = index
        if index <= worst + STRIP_FRAMES // 2:
            around, start = tuple(latest), index + 1 - len(latest)
    if not scores:
        raise ValueError("a clip has at least one frame, got none")
    return FlickerReport(float(np.mean(scores[1:-1])) if len(scores) > 2 else 0.0, tuple(scores), worst, around, start)


def _judged(clip: Iterable[tuple[UInt8Array, Float32Array]]) -> Iterator[Moment]:
    """Compare each moment with those before and after it."""
    before: Moment | None = None
    now: Moment | None = None
    for after in _reduced(clip):
        if now is not None:
            if after.image.shape != now.image.shape:
                raise ValueError(f"a clip has one size, got {after.image.shape[:2]} after {now.image.shape[:2]}")
            yield now if before is None else now._replace(flicker=_flicker(before, now, after))
        before, now = now, after
    if now is not None:
        yield now


def _reduced(clip: Iterable[tuple[UInt8Array, Float32Array]]) -> Iterator[Moment]:
    for frame, alpha in clip:
        check_rgb(frame)
        if alpha.ndim != 2 or not np.issubdtype(alpha.dtype, np.floating):
            raise ValueError(f"an alpha is a float array (H, W) in [0, 1], got {alpha.dtype} {alpha.shape}")
        scale = min(1.0, LONG_SIDE_PX / max(frame.shape[:2]))
        size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
        image, matte = (cv2.resize(array, size, interpolation=cv2.INTER_AREA) for array in (frame, alpha))
        yield Moment(np.asarray(image, np.uint8), np.asarray(matte, np.float32), np.zeros(size[::-1], np.float32))


def _flicker(before: Moment, now: Moment, after: Moment) -> Float32Array:
    gray = cv2.cvtColor(now.image, cv2.COLOR_RGB2GRAY)
    expected = np.zeros_like(now.alpha)
    trust = np.ones_like(now.alpha)
    for other in (before, after):
        other_gray = cv2.cvtColor(other.image, cv2.COLOR_RGB2GRAY)
        flow = dense_flow(gray, other_gray, effort="medium")
        moved = warp(other_gray.astype(np.float32), flow, outside=-255.0)
        error = cv2.dilate(cv2.blur(np.abs(gray - moved), (5, 5)), np.ones((7, 7), np.uint8))
        trust *= np.clip(2 - error / NOISE_LEVELS, 0, 1)
        expected += warp(other.alpha, flow) / 2
    unexpected: Float32Array = np.sqrt(trust) * (now.alpha - expected)
    return unexpected
