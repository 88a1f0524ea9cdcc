"""Pixels as most videos store them: brightness of each pixel, colour of every two by two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
IntBox = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in whole pixels, half open."""

BLACK, WHITE, GREY = 16, 235, 128
"""Luma of black and of white, and chroma of grey, in limited range."""
CHROMA_STEPS = 224
"""From the least to the largest chroma, in limited range."""
BT601 = (0.299, 0.114)
"""Parts of red and of blue in luma by ITU-R BT.601, which OpenCV converts several times as fast as others."""


@dataclass(frozen=True)
class Yuv420:
    """An image in YUV 4:2:0, 8 bit, limited range (ITU-T H.273), whose sides are even. Not to be written to."""

    y: Plane
    """Luma, (H, W)."""
    uv: Plane
    """Both chroma values of every 2 x 2 pixels, (H / 2, W / 2, 2)."""
    weights: tuple[float, float]
    """Parts of red and of blue in luma, K_R and K_B: the matrix."""

    def __post_init__(self) -> None:
        height, width = self.y.shape
        if self.uv.shape != (height // 2, width // 2, 2) or height % 2 or width % 2:
            raise ValueError(f"YUV 4:2:0 has luma (H, W) and chroma (H / 2, W / 2, 2), got {self.y.shape} and {self.uv.shape}")

    @classmethod
    def of_rgb(cls, rgb: Plane, weights: tuple[float, float]) -> Self:
        """Convert uint8 RGB, full range, (H, W, 3); both sides are even."""
        height, width = rgb.shape[:2]
        half, matrix = (width // 2, height // 2), np.column_stack([_to_yuv(weights), (BLACK, GREY, GREY)])
        if weights == BT601:
            # OpenCV's own chroma is that of one pixel of four, so only its luma is taken.
            luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)[:height]
            small = cv2.transform(cv2.resize(rgb, half, interpolation=cv2.INTER_AREA), matrix)
        else:
            yuv = cv2.transform(rgb, matrix)
            luma, small = np.asarray(cv2.extractChannel(yuv, 0), np.uint8), cv2.resize(yuv, half, interpolation=cv2.INTER_AREA)
        chroma = np.empty((height // 2, width // 2, 2), np.uint8)
        cv2.mixChannels([small.reshape(height // 2, width // 2, 3)], [chroma], [1, 0, 2, 1])  # NumPy takes eight times as long to leave one out
        return cls(luma, chroma, weights)

    def rgb(self) -> Plane:
        """Return the image as uint8 RGB, full range, (H, W, 3)."""
        if self.weights == BT601:
            return np.asarray(cv2.cvtColorTwoPlane(self.y, self.uv, cv2.COLOR_YUV2RGB_NV12), np.uint8)
        height, width = self.y.shape
        chroma = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_NEAREST) for plane in cv2.split(self.uv)]
        matrix = np.linalg.inv(_to_yuv(self.weights))
        shift = -matrix @ np.array((BLACK, GREY, GREY))
        return np.asarray(cv2.transform(cv2.merge([self.y, *chroma]), np.column_stack([matrix, shift])), np.uint8)

    def gray(self) -> Plane:
        """Return luma in full range, (H, W)."""
        scale = 255 / (WHITE - BLACK)
        return np.asarray(cv2.convertScaleAbs(cv2.max(self.y, BLACK), alpha=scale, beta=-scale * BLACK), np.uint8)

    def edited(self, rgb: Plane, places: Iterable[tuple[IntBox, Plane]]) -> Yuv420:
        """Return a copy with some of the pixels of another image; all others are the same to the bit.

        Args:
            rgb: The other image, uint8 RGB (H, W, 3).
            places: Boxes (x0, y0, x1, y1), each with a mask (y1 - y0, x1 - x0) that is 0 where nothing is taken over.
        """
        y, uv = self.y.copy(), self.uv.copy()
        for (x0, y0, x1, y1), mask in places:
            left, top, right, bottom = x0 - x0 % 2, y0 - y0 % 2, x1 + x1 % 2, y1 + y1 % 2
            new = Yuv420.of_rgb(rgb[top:bottom, left:right], self.weights)
            taken = np.zeros(new.y.shape, np.uint8)
            taken[y0 - top : y1 - top, x0 - left : x1 - left] = cv2.threshold(mask, 0, 255, cv2.THRESH_BINARY)[1]
            # Chroma changes wherever one of its four pixels does.
            shared = cv2.resize(taken, (new.uv.shape[1], new.uv.shape[0]), interpolation=cv2.INTER_AREA)
            cv2.copyTo(new.y, taken, y[top:bottom, left:right])
            cv2.copyTo(new.uv, shared, uv[top // 2 : bottom // 2, left // 2 : right // 2])
        return Yuv420(y, uv, self.weights)


def _to_yuv(weights: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Return the matrix from RGB in full range to YUV in limited range, without its shift (ITU-T H.273, equations 38 to 40)."""
    red, blue = weights
    luma = np.array((red, 1 - red - blue, blue))
    blueness, redness = (np.array((0, 0, 1)) - luma) / (2 * (1 - blue)), (np.array((1, 0, 0)) - luma) / (2 * (1 - red))
    return np.stack([luma * (WHITE - BLACK), blueness * CHROMA_STEPS, redness * CHROMA_STEPS]) / 255
