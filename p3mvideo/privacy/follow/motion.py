"""How the image moved since the one before it: where a region went, whether it still looks the same, and whether the scene changed."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.privacy.detect.crop import halved
from p3mvideo.privacy.detection import Box, area, intersection

REGION_PX = 48
"""A region is halved while its side stays above this before its points are followed."""
REACH = 1.0
"""How far a region may go in one frame, in its sides."""
POINTS = 6
"""Points along a region's side that are followed."""
BACK_ERROR_PX = 1.0
"""How far from its start a followed point may end when it is followed back, in pixels of the halved region."""
GROWTH_PER_FRAME = 1.1
"""How many times as large or small a region may become in one frame."""
PATCH_PX = 24
"""Side of the patches by which regions are compared."""
PLAIN = 3.0
"""A patch whose brightness has a standard deviation below this, of 255, looks like nothing."""
THUMBNAIL_PX = 160
"""Every n-th pixel of an image is taken for a thumbnail that is at least so long."""
CUT_DIFFERENCE, CUT_HISTOGRAM, CUT_CORRELATION = 18.0, 0.25, 0.3
"""A scene changes when thumbnails differ by more than this on average (of 255), and either more than this part of their brightnesses do or they
correlate less than this."""


class Motion:
    """Remembers one image, and measures what moved when the next one comes."""

    def __init__(self) -> None:
        self._before: UInt8Array | None = None
        self._now: UInt8Array | None = None
        self._thumbnail = np.zeros((1, 1), np.uint8)

    def observe(self, image: UInt8Array) -> bool:
        """Take the next image, uint8 RGB (H, W, 3), and return whether it begins another scene; the first one does."""
        thumbnail = thumbnail_of(image)
        is_cut = self._begins_scene(image, thumbnail)
        self._before, self._now, self._thumbnail = self._now, image, thumbnail
        if self._before is not None and self._before.shape != image.shape:
            self._before = None
        return is_cut

    def is_cut(self, image: UInt8Array) -> bool:
        """Return whether an image, uint8 RGB (H, W, 3), shows another scene than the one that was taken last, without taking it."""
        return self._begins_scene(image, thumbnail_of(image))

    def _begins_scene(self, image: UInt8Array, thumbnail: UInt8Array) -> bool:
        return self._now is None or self._now.shape != image.shape or _is_cut(self._thumbnail, thumbnail)

    def follow(self, box: Box) -> Box | None:
        """Return where a box of the image before went, or None if that cannot be told.

        Median of many followed points, believed where following them back leads to where they started ("Forward-Backward Error:
        Automatic Detection of Tracking Failures", Kalal, Mikolajczyk and Matas, 2010).
        """
        start, end = self._flow(box)
        if not len(start):
            return None
        dx, dy = np.median(end - start, axis=0).tolist()
        spread_before, spread_now = (float(np.abs(points - np.median(points, axis=0)).mean()) for points in (start, end))
        # Where few points spread little, their ratio is noise.
        scale = spread_now / spread_before if spread_before > (box[2] - box[0]) / 8 else 1.0
        scale = min(max(scale, 1 / GROWTH_PER_FRAME), GROWTH_PER_FRAME)
        x, y = (box[0] + box[2]) / 2 + dx, (box[1] + box[3]) / 2 + dy
        half_x, half_y = (box[2] - box[0]) / 2 * scale, (box[3] - box[1]) / 2 * scale
        return x - half_x, y - half_y, x + half_x, y + half_y

    def patch(self, box: Box) -> Float32Array | None:
        """Return what a box of this image looks like, to be compared by `similarity`; None where that cannot be told.

        Returns:
            float32 (24, 24) of mean 0 and standard deviation 1.
        """
        if self._now is None:
            return None
        height, width = self._now.shape[:2]
        if intersection(box, (0.0, 0.0, float(width), float(height))) < 0.6 * area(box):
            return None
        x0, y0, x1, y1 = (round(value) for value in box)
        part = self._now[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
        if min(part.shape[:2]) < 4:
            return None
        small = cv2.resize(_gray(part), (PATCH_PX, PATCH_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
        deviation = float(small.std())
        return None if deviation < PLAIN else (small - small.mean()) / np.float32(deviation)

    def _flow(self, box: Box) -> tuple[Float32Array, Float32Array]:
        """Return where a grid of points in a box was and is, in pixels, (N, 2) each; empty if too few can be told."""
        nothing = np.empty((0, 2), np.float32)
        if self._before is None or self._now is None:
            return nothing, nothing
        height, width = self._now.shape[:2]
        side = max(box[2] - box[0], box[3] - box[1])
        left, top = max(0, int(box[0] - REACH * side)), max(0, int(box[1] - REACH * side))
        right, bottom = min(width, int(box[2] + REACH * side)), min(height, int(box[3] + REACH * side))
        if right - left < 16 or bottom - top < 16:
            return nothing, nothing
        (before, factor), (now, _) = (halved(_gray(image[top:bottom, left:right]), side, REGION_PX) for image in (self._before, self._now))
        inner = np.linspace(0.15, 0.85, POINTS, dtype=np.float32)
        xs, ys = np.meshgrid(box[0] + (box[2] - box[0]) * inner, box[1] + (box[3] - box[1]) * inner)
        start = (np.stack([xs.ravel(), ys.ravel()], axis=1) - (left, top)) / factor
        start = start[(start >= 0).all(axis=1) & (start < before.shape[::-1]).all(axis=1)].astype(np.float32)
        if len(start) < POINTS:
            return nothing, nothing
        there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, start[:, None], None, winSize=(11, 11), maxLevel=3)
        back, found_back, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None, winSize=(11, 11), maxLevel=3)
        error = np.linalg.norm(back[:, 0] - start, axis=1)
        good = (found[:, 0] == 1) & (found_back[:, 0] == 1) & (error < BACK_ERROR_PX)
        if good.sum() < max(POINTS, len(start) // 3):
            return nothing, nothing
        return start[good] * factor, there[good, 0] * factor


def similarity(one: Float32Array, other: Float32Array) -> float:
    """Return the correlation of two patches in [-1, 1]."""
    return float((one * other).mean())


def thumbnail_step(image: UInt8Array) -> int:
    """Return of how many pixels of an image (H, W, ...) its thumbnail has one, across and down."""
    return int(max(1, max(image.shape[:2]) // THUMBNAIL_PX))


def thumbnail_of(image: UInt8Array) -> UInt8Array:
    """Return a small grey image, uint8 (h, w), of some of the pixels of an image, uint8 RGB (H, W, 3)."""
    step = thumbnail_step(image)
    top, left = (min(step // 2, side - 1) for side in image.shape[:2])  # a line has no pixel farther in
    return _gray(image[top::step, left::step])


def _gray(part: UInt8Array) -> UInt8Array:
    """Return the brightness of a part of an image, uint8 RGB (h, w, 3): only what is looked at is converted."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY), np.uint8)


def _is_cut(before: UInt8Array, now: UInt8Array) -> bool:
    """Return whether two small grey images show different scenes."""
    thumbnails = [cv2.resize(image, (48, 27), interpolation=cv2.INTER_AREA) for image in (before, now)]
    if cv2.absdiff(*thumbnails).mean() < CUT_DIFFERENCE:
        return False
    # A pan moves every pixel, but keeps most of the brightnesses and, within one frame, what is dark and what is light.
    bins = [np.histogram(image, bins=16, range=(0, 256))[0] for image in (before, now)]
    if np.abs(bins[0] - bins[1]).sum() / 2 > CUT_HISTOGRAM * before.size:
        return True
    centred = [image - image.mean() for image in thumbnails]
    spread = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return float((centred[0] * centred[1]).sum()) < CUT_CORRELATION * spread
