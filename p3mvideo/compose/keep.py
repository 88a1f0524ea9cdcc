"""Which of several people stay in the matte."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.matte import Matte

PERSON = 0.3
"""Alpha from which a pixel belongs to the body of a person; what is fainter goes with the nearest body."""
SMALL_SHARE = 0.002
"""Components smaller than this fraction of the image are ignored."""
STICKINESS = 1.5
"""How many times as large, or as near the middle, another person must be to take the place of the one that is kept."""


class KeepOne:
    """A `TemporalFilter` that keeps one connected part of the matte. Who is kept stays kept until someone else is clearly more fitting.

    People who touch are one part and stay together.

    Args:
        keep: `largest`, or `center` for the one nearest to the middle of the image.
    """

    def __init__(self, keep: Literal["largest", "center"]) -> None:
        if keep not in ("largest", "center"):
            raise ValueError(f"keep is largest or center, got {keep!r}")
        self._keep = keep
        self._last: UInt8Array | None = None

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """See `p3mvideo.stages.TemporalFilter`."""
        alpha = matte.alpha_array()
        body = (alpha >= PERSON).astype(np.uint8)
        count, labels, statistics, centres = cv2.connectedComponentsWithStats(body, connectivity=8)
        height, width = alpha.shape
        parts = [part for part in range(1, count) if statistics[part, cv2.CC_STAT_AREA] >= SMALL_SHARE * height * width]
        if not parts:
            self._last = None
            return matte
        # Along the image only: heads at different heights are as much in the middle.
        fitness = {
            part: float(statistics[part, cv2.CC_STAT_AREA]) if self._keep == "largest" else 1 / (0.05 + abs(centres[part, 0] / width - 0.5))
            for part in parts
        }
        best = max(parts, key=lambda part: fitness[part])
        former = self._former(labels, parts)
        kept = best if former is None or fitness[best] > STICKINESS * fitness[former] else former
        self._last = (labels == kept).astype(np.uint8)
        if len(parts) == 1:
            return matte
        return _only(matte, labels, body, kept)

    def reset(self) -> None:
        """Forget who was kept."""
        self._last = None

    def _former(self, labels: np.ndarray, parts: list[int]) -> int | None:
        """Return the part that covers most of the one that was kept, None if none does."""
        if self._last is None or self._last.shape != labels.shape:
            return None
        shares = np.bincount(labels[self._last > 0].ravel(), minlength=max(parts) + 1)
        former = max(parts, key=lambda part: int(shares[part]))
        return former if shares[former] > 0 else None


def _only(matte: Matte, labels: np.ndarray, body: UInt8Array, kept: int) -> Matte:
    """Return the matte with nothing but one labelled part, and what is fainter and nearer to it than to any other part."""
    # Every pixel learns the number of the nearest part; those numbers are the distance transform's own.
    _, nearest = cv2.distanceTransformWithLabels(1 - body, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP)
    return within(matte, np.isin(nearest, np.unique(nearest[labels == kept])))


def within(matte: Matte, mask: npt.NDArray[np.bool_]) -> Matte:
    """Return the matte where a mask of its size, (H, W), is set; elsewhere there is no one."""
    semantic = matte.semantic_array()
    if semantic is not None:
        semantic = semantic * mask
        semantic[0] += ~mask
    return matte.with_arrays(matte.alpha_array() * mask, semantic)
