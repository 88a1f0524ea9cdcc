"""How a picture moved since the one before it: where a region went, and whether the scene changed."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.privacy.detect.crop import halved
from p3mvideo.privacy.detection import Box

WORKING_PX = 320
"""The picture is halved while its long side stays above this."""
POINTS = 6
"""Points along a region's side that are followed."""
BACK_ERROR_PX = 1.0
"""How far from its start a followed point may end when it is followed back, in pixels of the working picture."""
CUT_DIFFERENCE, CUT_HISTOGRAM = 18.0, 0.25
"""A scene changes when thumbnails differ by more than this on average (of 255), and more than this part of their brightnesses."""


class Motion:
    """Remembers one picture, and measures what moved when the next one comes."""

    def __init__(self) -> None:
        self._before: UInt8Array | None = None
        self._now: UInt8Array | None = None
        self._factor = 1

    def observe(self, image: UInt8Array) -> bool:
        """Take the next picture, uint8 RGB (H, W, 3), and return whether it begins another scene; the first one does."""
        small, self._factor = halved(image, max(image.shape[:2]), WORKING_PX)
        self._before, self._now = self._now, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        if self._before is None or self._before.shape != self._now.shape:
            self._before = None
            return True
        return _is_cut(self._before, self._now)

    def follow(self, box: Box) -> Box | None:
        """Return where a box of the picture before went, or None if that cannot be told.

        Median flow: "Forward-Backward Error: Automatic Detection of Tracking Failures" (Kalal, Mikolajczyk and Matas, 2010).
        """
        x0, y0, x1, y1 = (value / self._factor for value in box)
        start, end = self._flow(x0, y0, x1, y1)
        if not len(start):
            return None
        dx, dy = np.median(end - start, axis=0).tolist()
        spread_before, spread_now = (float(np.abs(points - np.median(points, axis=0)).mean()) for points in (start, end))
        # Where few points spread little, their ratio is noise.
        scale = min(max(spread_now / spread_before, 0.9), 1.1) if spread_before > 2 else 1.0
        x, y = (x0 + x1) / 2 + dx, (y0 + y1) / 2 + dy
        half_x, half_y = (x1 - x0) / 2 * scale, (y1 - y0) / 2 * scale
        moved = (x - half_x, y - half_y, x + half_x, y + half_y)
        return moved[0] * self._factor, moved[1] * self._factor, moved[2] * self._factor, moved[3] * self._factor

    def camera(self) -> tuple[float, float]:
        """Return how far most of the picture moved in x and y, in pixels; nothing if that cannot be told."""
        if self._now is None:
            return 0.0, 0.0
        height, width = self._now.shape
        start, end = self._flow(0.0, 0.0, float(width), float(height))
        if not len(start):
            return 0.0, 0.0
        dx, dy = (np.median(end - start, axis=0) * self._factor).tolist()
        return dx, dy

    def _flow(self, x0: float, y0: float, x1: float, y1: float) -> tuple[Float32Array, Float32Array]:
        """Return where a grid of points in a box of the working picture was and is, (N, 2) each; empty if too few can be told."""
        nothing = np.empty((0, 2), np.float32)
        if self._before is None or self._now is None:
            return nothing, nothing
        height, width = self._now.shape
        inner = np.linspace(0.15, 0.85, POINTS, dtype=np.float32)
        xs, ys = np.meshgrid(x0 + (x1 - x0) * inner, y0 + (y1 - y0) * inner)
        start = np.stack([xs.ravel(), ys.ravel()], axis=1).astype(np.float32)
        start = start[(start[:, 0] >= 0) & (start[:, 0] < width) & (start[:, 1] >= 0) & (start[:, 1] < height)]
        if len(start) < POINTS:
            return nothing, nothing
        there, found, _ = cv2.calcOpticalFlowPyrLK(self._before, self._now, start[:, None], None, winSize=(11, 11), maxLevel=3)
        back, found_back, _ = cv2.calcOpticalFlowPyrLK(self._now, self._before, there, None, winSize=(11, 11), maxLevel=3)
        error = np.linalg.norm(back[:, 0] - start, axis=1)
        good = (found[:, 0] == 1) & (found_back[:, 0] == 1) & (error < BACK_ERROR_PX)
        if good.sum() < max(POINTS, len(start) // 3):
            return nothing, nothing
        return start[good], there[good, 0]


def _is_cut(before: UInt8Array, now: UInt8Array) -> bool:
    """Return whether two grey pictures show different scenes."""
    thumbnails = [cv2.resize(picture, (48, 27), interpolation=cv2.INTER_AREA) for picture in (before, now)]
    if cv2.absdiff(*thumbnails).mean() < CUT_DIFFERENCE:
        return False
    # A pan moves every pixel, but keeps most of the brightnesses.
    bins = [np.histogram(picture, bins=16, range=(0, 256))[0] for picture in (before, now)]
    return bool(np.abs(bins[0] - bins[1]).sum() / 2 > CUT_HISTOGRAM * before.size)
