"""What stands behind the person."""

from __future__ import annotations

import re
from dataclasses import replace
from math import ceil
from typing import Literal, NamedTuple, Protocol

import cv2
import numpy as np

from p3mvideo.compose.fit import fit_to
from p3mvideo.errors import ConfigError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.ops.shrink import shrunk
from p3mvideo.options.background import Fit

COLOURS = {
    "black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "gray": (128, 128, 128), "red": (255, 0, 0),
    "green": (0, 177, 64), "blue": (0, 71, 187), "lime": (0, 255, 0), "yellow": (255, 221, 0), "magenta": (255, 0, 255),
    "cyan": (0, 255, 255), "orange": (255, 140, 0), "purple": (128, 0, 128), "pink": (255, 170, 200), "navy": (0, 0, 96),
}  # fmt: skip
"""Names that `--bg` knows; green and blue are those of chroma key screens."""
BLUR_PX, STRONG_BLUR_PX = 320, 160
"""Longer side of the copy of the frame that is blurred: a strong blur leaves nothing that would not fit into a smaller one."""
STRONG_BLUR = 0.25
"""Strength from which a blur is strong."""
LEFT_OUT_SHARE = 1 / 160
"""How far around the person the frame is left out of the blur, in longer sides of the frame."""
DEFAULT_BLUR = 0.5
EDGE_WEIGHT = 4
"""How much faster than 1 - alpha a pixel's part in the blur vanishes."""
COVERED_WEIGHT = 1e-4
"""Part in the blur of what is covered: it counts where there is nothing else."""
WIDE_WEIGHT, MEAN_WEIGHT = 1e-2, 1e-4
"""Part of a wider blur, and of the mean colour of the whole background, beside the blur itself: they count where that finds no background."""
LEAST_WEIGHT = 1e-7
"""Part in the mean of what belongs to the person: it counts where the person is everywhere."""


class Background(Protocol):
    """Delivers what stands behind the person."""

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """Return the background of a frame, not to be written to; the same array for as long as nothing changes in it.

        Returns:
            uint8 RGB (H, W, 3), or smaller where it shows nothing fine: it is then enlarged bilinearly.
        """
        ...


class BackgroundSpec(NamedTuple):
    """What the user asked for with `--bg`."""

    kind: Literal["colour", "file", "blur", "transparent"]
    colour: tuple[int, int, int] = (255, 255, 255)
    strength: float = DEFAULT_BLUR


def parse_background(text: str) -> BackgroundSpec:
    """Read `--bg`: a colour name, #RGB, #RRGGBB, R,G,B, blur[:STRENGTH], transparent; everything else is a file or a shipped background.

    Raises:
        ConfigError: It looks like a colour or a blur, but is not a possible one.
    """
    lower = text.strip().lower()
    if lower == "transparent":
        return BackgroundSpec("transparent")
    if lower == "blur" or lower.startswith("blur:"):
        return BackgroundSpec("blur", strength=_strength(text))
    if lower in COLOURS:
        return BackgroundSpec("colour", COLOURS[lower])
    if lower.startswith("#"):
        digits = lower[1:]
        if not re.fullmatch(r"[0-9a-f]{3}|[0-9a-f]{6}", digits):
            raise ConfigError(f"{text!r} is not a colour", hint="write #RGB or #RRGGBB, such as #00ff00")
        pairs = [digits[i : i + 2] for i in (0, 2, 4)] if len(digits) == 6 else [2 * d for d in digits]
        return BackgroundSpec("colour", (int(pairs[0], 16), int(pairs[1], 16), int(pairs[2], 16)))
    if re.fullmatch(r"\d+\s*,\s*\d+\s*,\s*\d+", lower):
        red, green, blue = (int(part) for part in lower.split(","))
        if max(red, green, blue) > 255:
            raise ConfigError(f"{text!r} is not a colour", hint="R,G,B go from 0 to 255")
        return BackgroundSpec("colour", (red, green, blue))
    return BackgroundSpec("file")


def _strength(text: str) -> float:
    """Read the strength of `blur[:STRENGTH]`."""
    _, colon, number = text.partition(":")
    if not colon:
        return DEFAULT_BLUR
    try:
        strength = float(number)
    except ValueError:
        strength = float("nan")
    if not 0 < strength <= 1:
        raise ConfigError(f"{text!r}: the strength of a blur is a number above 0 and up to 1", hint="blur:0.3 is light, blur:1 is strong")
    return strength


class ColourBackground:
    """A `Background` of one colour."""

    def __init__(self, colour: tuple[int, int, int]) -> None:
        self._colour = colour
        self._image = np.empty((0, 0, 3), np.uint8)

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """See `Background`."""
        if self._image.shape[:2] != (frame.height, frame.width):
            self._image = np.full((frame.height, frame.width, 3), self._colour, np.uint8)
        return self._image


class ImageBackground:
    """A `Background` that is a still image."""

    def __init__(self, image: UInt8Array, fit: Fit = "cover") -> None:
        self._original = image
        self._fit = fit
        self._image = np.empty((0, 0, 3), np.uint8)

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """See `Background`."""
        if self._image.shape[:2] != (frame.height, frame.width):
            self._image = fit_to(self._original, frame.width, frame.height, self._fit)
        return self._image


class BlurBackground:
    """A `Background` that is the frame itself, out of focus.

    The person and what covers faces are left out of the blur, so that no halo surrounds them.

    Args:
        strength: Above 0, up to 1; the blur's standard deviation is that part of a tenth of the frame's longer side.
    """

    def __init__(self, strength: float = DEFAULT_BLUR) -> None:
        self._strength = strength

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """See `Background`."""
        scale = min(1.0, (STRONG_BLUR_PX if self._strength >= STRONG_BLUR else BLUR_PX) / max(frame.width, frame.height))
        size = frame.width, frame.height
        if scale < 1:
            # Even sides, so that it can be converted to YUV 4:2:0 as it is.
            size = 2 * max(1, round(frame.width * scale / 2)), 2 * max(1, round(frame.height * scale / 2))
        small = _shrunk_rgb(frame, size).astype(np.float32)
        alpha = shrunk(matte.levels_array(), size)
        # A little more than the person is left out, and soft edges altogether: what of them came in would glow around the person.
        side = 2 * round(LEFT_OUT_SHARE * max(size)) + 1
        person = cv2.dilate(alpha, np.ones((side, side), np.uint8))
        weight = np.maximum(0, 1 - person * np.float32(EDGE_WEIGHT / 255))
        across, down = size[0] / frame.width, size[1] / frame.height
        for x0, y0, x1, y1 in frame.covered:
            weight[int(y0 * down) : ceil(y1 * down), int(x0 * across) : ceil(x1 * across)] *= COVERED_WEIGHT
        # Colours times their weight, and the weight as fourth channel, which is blurred alike.
        weighted = np.asarray(cv2.merge([*(plane * weight for plane in cv2.split(small)), weight]))
        sigma = max(0.5, self._strength * 0.1 * max(size))
        around = _soften(weighted, sigma)
        wide = _soften(around, 3 * sigma)
        *sums, weights = np.add(cv2.sumElems(weighted), LEAST_WEIGHT * np.add(cv2.sumElems(small), (0, 0, 0, weight.size)))
        # Inside the person no background is near. An unsure matte lets that show through, so it is filled from farther and farther away.
        *colours, total = cv2.split(around + np.float32(WIDE_WEIGHT) * wide)
        filled = [
            (plane + np.float32(MEAN_WEIGHT * of_all / weights)) / (total + np.float32(MEAN_WEIGHT))
            for plane, of_all in zip(colours, sums, strict=True)
        ]
        return np.asarray(cv2.convertScaleAbs(cv2.merge(filled)), np.uint8)  # which rounds


def _shrunk_rgb(frame: Frame, size: tuple[int, int]) -> UInt8Array:
    """Return a frame in RGB at a smaller size (width, height); one in YUV is not converted as a whole for that."""
    width, height = size
    if frame.yuv is None or width % 2 or height % 2:
        return shrunk(frame.interleaved(), size)
    small = replace(frame.yuv, y=shrunk(frame.yuv.y, size), uv=shrunk(frame.yuv.uv, (width // 2, height // 2)))
    return small.rgb()


def _soften(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur by a near Gaussian: three boxes, whose cost does not depend on `sigma`."""
    side = 2 * max(1, round(sigma)) + 1  # three boxes of this side have about this standard deviation
    for _ in range(3):
        image = cv2.blur(image, (side, side), borderType=cv2.BORDER_REFLECT)
    return image
