"""Corrections by hand of every matte: areas that are always or never the person, holes, and the outline."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.options.matte import MatteOptions
from p3mvideo.stages import Refiner

NEVER, ALWAYS = 64, 191
"""Grey values up to and from which a mask says that something is not, or is, the person."""
OPAQUE = 0.5
"""Alpha below which a pixel may belong to a hole."""


class EditedMattes:
    """A `Refiner` that corrects what another one returns.

    Args:
        refiner: Brings mattes to the frame's size.
        options: The corrections.
        mask: Grey uint8 (h, w), stretched over every frame; None if there is none.
    """

    def __init__(self, refiner: Refiner, options: MatteOptions, mask: UInt8Array | None = None) -> None:
        self._refiner = refiner
        self._options = options
        self._mask = mask

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """See `p3mvideo.stages.Refiner`."""
        refined = self._refiner(frame, matte)
        if self._options == MatteOptions():
            return refined
        alpha = refined.alpha_array().copy()
        if self._options.fill_holes:
            _fill_holes(alpha, self._options.fill_holes)
        if self._options.choke:
            alpha = _choked(alpha, self._options.choke)
        if self._options.feather:
            alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), self._options.feather), np.float32)
        if self._mask is not None:
            height, width = alpha.shape
            mask = cv2.resize(self._mask, (width, height), interpolation=cv2.INTER_LINEAR)
            alpha[mask <= NEVER] = 0
            alpha[mask >= ALWAYS] = 1
        return refined.with_arrays(alpha, refined.semantic_array())


def _fill_holes(alpha: Float32Array, largest: float) -> None:
    """Make holes opaque: parts of the background that the person encloses, and that are no larger than this fraction of the frame."""
    open_parts = (alpha < OPAQUE).astype(np.uint8)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(open_parts, connectivity=4)
    height, width = alpha.shape
    for part in range(1, count):
        x, y, w, h, area = statistics[part]
        if x > 0 and y > 0 and x + w < width and y + h < height and area <= largest * width * height:
            # With the soft rim of the hole.
            around = slice(max(0, y - 2), y + h + 2), slice(max(0, x - 2), x + w + 2)
            hole = cv2.dilate((labels[around] == part).astype(np.uint8), np.ones((5, 5), np.uint8))
            alpha[around][hole > 0] = 1


def _choked(alpha: Float32Array, pixels: int) -> Float32Array:
    """Draw the outline in, or out, by this many pixels. The frame's border is no outline."""
    side = 2 * abs(pixels) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.erode(alpha, disc) if pixels > 0 else cv2.dilate(alpha, disc), np.float32)
