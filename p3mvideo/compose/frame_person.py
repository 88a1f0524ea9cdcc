"""Automatic framing: the person is brought nearer and to the middle, the background stays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.stages import Compositor

LARGEST_ZOOM = 2.0
"""Nearer than this the image becomes soft."""
HEADROOM = 0.15
"""Room above the person, as a share of the height that is shown."""
MARGIN = 0.2
"""Room beside the person, left and right together, as a share of the width that is shown."""
LOOK_PX = 96
"""Longer side of the copy in which the person is looked for."""
PERSON = 0.5
"""Alpha from which a pixel belongs to the person."""
SETTLE_SECONDS = 0.6
"""Time in which two thirds of the way to a new framing are gone."""
DEAD_ZONE = 0.05
"""The framing moves only if the person has moved further than this, as a share of the frame's longer side; then until it fits."""
STILL = 0.004
"""A framing fits that is nearer than this."""


class Crop(NamedTuple):
    """What is shown of a frame, in its own proportions: centre and width, as shares of the frame's width and height."""

    x: float
    y: float
    side: float
    """Width over the frame's width, which is height over the frame's height; 1 shows everything."""

    def distance(self, other: Crop) -> float:
        """Return by how much two differ, in shares of the frame."""
        return max(abs(self.x - other.x), abs(self.y - other.y), abs(self.side - other.side))


WHOLE = Crop(0.5, 0.5, 1.0)
"""The whole frame."""


class FramePerson:
    """A `Compositor` that enlarges the person smoothly before another one puts it before a background.

    Args:
        compositor: Puts the person before the background.
        wanted: Returns whether to do so, at each frame; the change is smooth, too.
    """

    def __init__(self, compositor: Compositor, wanted: Callable[[], bool]) -> None:
        self._compositor, self._wanted = compositor, wanted
        self._now = WHOLE
        self._moves = False
        self._seconds: float | None = None

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """See `p3mvideo.stages.Compositor`."""
        seconds = float(frame.seconds)
        passed = 0.0 if self._seconds is None else min(max(0.0, seconds - self._seconds), 1.0)
        self._seconds = seconds
        self._follow(fitting_crop(matte.alpha_array()) if self._wanted() else WHOLE, passed)
        if self._now.distance(WHOLE) < STILL:
            return self._compositor(frame, matte)
        return self._compositor(*cropped(frame, matte, self._now))

    def _follow(self, target: Crop, passed: float) -> None:
        """Go on towards a framing."""
        distance = self._now.distance(target)
        self._moves = distance > (STILL if self._moves or target == WHOLE else DEAD_ZONE)
        if self._moves:
            share = 1 - math.exp(-passed / SETTLE_SECONDS)
            x, y, side = (now + share * (wanted - now) for now, wanted in zip(self._now, target, strict=True))
            self._now = Crop(x, y, side)


def fitting_crop(alpha: Float32Array) -> Crop:
    """Return the framing in which the person is as large as it may be, from alpha (H, W); the whole frame if there is no person."""
    height, width = alpha.shape
    scale = min(1.0, LOOK_PX / max(height, width))
    small = cv2.resize(alpha, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA) > PERSON
    rows, columns = np.flatnonzero(small.any(1)), np.flatnonzero(small.any(0))
    if not rows.size:
        return WHOLE
    top, bottom = rows[0] / small.shape[0], (rows[-1] + 1) / small.shape[0]
    left, right = columns[0] / small.shape[1], (columns[-1] + 1) / small.shape[1]
    side = min(1.0, max(1 / LARGEST_ZOOM, (bottom - top) / (1 - HEADROOM), (right - left) / (1 - MARGIN)))
    # The head is what counts: where not everything finds room, the lower part is cut off.
    y = top - HEADROOM * side + side / 2
    x, y = (float(min(max(middle, side / 2), 1 - side / 2)) for middle in ((left + right) / 2, y))
    return Crop(x, y, float(side))


def cropped(frame: Frame, matte: Matte, crop: Crop) -> tuple[Frame, Matte]:
    """Return what a crop shows of a frame and its matte, enlarged to the frame's size."""
    width, height = frame.width, frame.height
    x0, y0 = (crop.x - crop.side / 2) * width, (crop.y - crop.side / 2) * height
    zoom = 1 / crop.side
    # Centres of pixels lie at half numbers.
    there = np.array([[zoom, 0, (0.5 - x0) * zoom - 0.5], [0, zoom, (0.5 - y0) * zoom - 0.5]])

    def moved(pixels: UInt8Array | Float32Array) -> np.ndarray:
        return np.asarray(cv2.warpAffine(pixels, there, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    zoomed = frame.with_pixels(np.asarray(moved(frame.interleaved()), np.uint8))
    boxes = (((left - x0) * zoom, (top - y0) * zoom, (right - x0) * zoom, (bottom - y0) * zoom) for left, top, right, bottom in frame.covered)
    inside = ((max(0, int(left)), max(0, int(top)), min(width, ceil(right)), min(height, ceil(bottom))) for left, top, right, bottom in boxes)
    covered = tuple(box for box in inside if box[0] < box[2] and box[1] < box[3])
    return replace(zoomed, covered=covered), matte.with_arrays(moved(matte.alpha_array()))
