"""Part of an image, turned upright and brought to a model's size, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.region import Region

CLOSE_UP_SIDES = 3.0
"""How much of a frame a closer look at one face takes in, in sides of the face."""
GREY = (110, 110, 110)
"""What is seen beyond the border of an image."""
ON_BORDER = 0.04
"""A view is one of half a face if its middle is no farther from the border, in its sides: an eighth of a face three times as large."""


@dataclass(frozen=True)
class View:
    """A square of an image, which may lean and may reach beyond the border."""

    x: float
    """Centre in pixels."""
    y: float
    side: float
    """Side in pixels."""
    angle: float = 0.0
    """Angle in radians by which the square leans clockwise; what leans like it stands upright in the view."""
    mirrors: bool = True
    """Whether half a face has its other half mirrored at the border, see `cut_out`."""

    @classmethod
    def around(cls, region: Region, *, sides: float, mirrors: bool = True) -> View:
        """Return the view in which a region stands upright, `sides` times as wide as the region."""
        x0, y0, x1, y1 = region.box
        return cls((x0 + x1) / 2, (y0 + y1) / 2, region.side_px * sides, region.lean, mirrors)

    def cut_out(self, image: UInt8Array, size_px: int) -> UInt8Array:
        """Return the view as uint8 RGB (size_px, size_px, 3).

        What lies beyond the border is grey; a view of half a face, whose middle lies on the border, has the other half mirrored there,
        see `mirrored`. Of a whole face near the border, a mirror would make two that are taken for one.
        """
        scale = size_px / self.side
        # warpAffine picks pixels; halving the image first keeps it from dropping any.
        shrunk, factor = halved(self._crop(image), self.side, 2 * size_px)
        left, top = self._corner(image)
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        # From the shrunk crop's pixels to the view's: (p * factor + corner - centre), turned back, scaled, about the view's middle.
        dx, dy = left - self.x + (factor - 1) / 2, top - self.y + (factor - 1) / 2
        matrix = np.array(
            (
                (cos * factor, sin * factor, cos * dx + sin * dy + size_px / 2),
                (-sin * factor, cos * factor, -sin * dx + cos * dy + size_px / 2),
            )
        )
        is_mirrored = self.mirrors and self.is_on_border(image)
        beyond = {"borderMode": cv2.BORDER_REFLECT} if is_mirrored else {"borderValue": GREY}
        view: UInt8Array = cv2.warpAffine(shrunk, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, **beyond)
        return view

    def to_image(self, detection: Detection, size_px: int) -> Detection:
        """Return a face found in the view, of `size_px` a side, in the image's pixels; its box is square and stands upright."""
        scale = self.side / size_px
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        turn = np.array(((cos, -sin), (sin, cos)), np.float32)
        centre = np.array((self.x, self.y), np.float32)
        x0, y0, x1, y1 = detection.box
        x, y = (turn @ np.array(((x0 + x1 - size_px) / 2, (y0 + y1 - size_px) / 2), np.float32) + centre).tolist()
        half = max(x1 - x0, y1 - y0) * scale / 2
        points = detection.key_points
        key_points = None if points is None else ((points - size_px / 2) @ turn.T + centre).astype(np.float32)
        return Detection((x - half, y - half, x + half, y + half), key_points, detection.score)

    def is_on_border(self, image: UInt8Array) -> bool:
        """Return whether it is a view of half a face: its middle lies on the border of an image, or beyond it."""
        height, width = image.shape[:2]
        to_border: float = min(self.x, self.y, width - self.x, height - self.y)
        return to_border < ON_BORDER * self.side

    def _corner(self, image: UInt8Array) -> tuple[int, int]:
        """Return the top left corner of the part of an image that the view needs."""
        reach = self.side * math.sqrt(0.5)
        height, width = image.shape[:2]
        return min(max(0, int(self.x - reach)), width - 1), min(max(0, int(self.y - reach)), height - 1)

    def _crop(self, image: UInt8Array) -> UInt8Array:
        left, top = self._corner(image)
        reach = self.side * math.sqrt(0.5)
        return image[top : max(top + 1, math.ceil(self.y + reach)), left : max(left + 1, math.ceil(self.x + reach))]


def halved(image: UInt8Array, side_px: float, wanted_px: int) -> tuple[UInt8Array, int]:
    """Halve an image while what measures `side_px` in it stays larger than `wanted_px`; return it and the factor.

    Averaging two by two is the one shrinking that OpenCV does at memory speed. An odd last row or column is left out.
    """
    factor = 1
    while side_px / 2 >= wanted_px and min(image.shape[:2]) >= 4:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        image = cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        side_px, factor = side_px / 2, factor * 2
    return image, factor


def mirrored(image: UInt8Array) -> tuple[UInt8Array, int]:
    """Return an image with its margins mirrored outward, and how wide they are in pixels.

    Half a face at the border becomes a whole one, which the models know.
    """
    margin = max(image.shape[:2]) // 8
    margin = min(margin, *image.shape[:2])
    wider: UInt8Array = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_REFLECT)
    return wider, margin
