"""What a face is covered with: blur, mosaic, one colour, or an image.

Blurred and pixelated faces can be recognised again ("Defeating Image Obfuscation with Deep Learning", McPherson et al., 2016). So the
styles here start from the face's surroundings and never see the face itself; the one that does says so.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from p3mvideo.errors import ConfigError
from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.privacy.cover.ellipse import Ellipse
from p3mvideo.yuv420 import IntBox

NEUTRAL_GREY = (118, 118, 118)
"""Middle grey in sRGB."""
MOSAIC_CELLS = 4
"""How many squares of a mosaic lie along a face's side at most where they are made of the face."""
SQUARE_CONTRAST = 7
"""Levels by which the squares of a mosaic that is made of a face's surroundings differ at random: those alone are nearly alike."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Patch:
    """What a style works from."""

    bounds: IntBox
    """Where in the image it lies."""
    ellipse: Ellipse
    """What is covered, in pixels of the image."""
    surroundings: Callable[[], UInt8Array]
    """Returns the patch as its surroundings alone would have it, uint8 RGB (h, w, 3)."""
    original: UInt8Array
    """What the camera saw, uint8 RGB (h, w, 3), not to be written to."""


class Style(Protocol):
    """Makes the pixels that replace a face."""

    def __call__(self, patch: Patch) -> UInt8Array:
        """Return what replaces a patch, uint8 RGB (h, w, 3)."""
        ...


@dataclass(frozen=True)
class Blur:
    """What looks like a strong blur, and holds nothing but the face's surroundings."""

    def __call__(self, patch: Patch) -> UInt8Array:
        return patch.surroundings()


@dataclass(frozen=True)
class Solid:
    """One colour, whatever was there."""

    colour: tuple[int, int, int] = NEUTRAL_GREY

    def __call__(self, patch: Patch) -> UInt8Array:
        return one_colour(self.colour, patch.original.shape[1], patch.original.shape[0])


@dataclass(frozen=True)
class Mosaic:
    """Squares of one colour each, of the face's surroundings."""

    size_px: int = 20
    """Side of a square."""

    def __call__(self, patch: Patch) -> UInt8Array:
        x0, y0, x1, y1 = patch.bounds
        # The squares stand still in the image while the face moves, as those of a mosaic do.
        left, top = x0 // self.size_px, y0 // self.size_px
        columns, rows = (x1 - 1) // self.size_px - left + 1, (y1 - 1) // self.size_px - top + 1
        means = cv2.resize(patch.surroundings(), (columns, rows), interpolation=cv2.INTER_AREA).reshape(rows, columns, 3)
        y, x = np.mgrid[top : top + rows, left : left + columns]
        # A hash of the square's place: steady over time, and of no frame's content.
        level = ((x * 73856093) ^ (y * 19349663)) // 64 % (2 * SQUARE_CONTRAST + 1) - SQUARE_CONTRAST
        squares = np.clip(means.astype(np.int16) + level[..., None], 0, 255).astype(np.uint8)
        large = np.repeat(np.repeat(squares, self.size_px, axis=0), self.size_px, axis=1)
        return large[y0 - top * self.size_px :, x0 - left * self.size_px :][: y1 - y0, : x1 - x0]


@dataclass(frozen=True)
class MosaicOfFace:
    """Squares of the face's own colours: people can be recognised under it."""

    size_px: int = 20
    """Side of a square; larger on faces that would otherwise keep more than a handful of squares."""

    def __call__(self, patch: Patch) -> UInt8Array:
        side = max(patch.ellipse.across, patch.ellipse.down) * 2
        height, width = patch.original.shape[:2]
        cells = coarse_cells(patch.original, max(float(self.size_px), side / MOSAIC_CELLS), step=32)
        squares: UInt8Array = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
        return squares


@dataclass(frozen=True, eq=False)
class ImageCover:
    """An image that is scaled and turned with the face; where it is transparent, the face's surroundings show."""

    premultiplied: Float32Array
    """RGBA in [0, 255], colours times opacity, float32 (h, w, 4)."""

    @classmethod
    def of(cls, pixels: UInt8Array) -> ImageCover:
        """Return the style of straight RGB or RGBA pixels, uint8 (h, w, 3|4)."""
        opacity = pixels[..., 3:] if pixels.shape[2] == 4 else np.full((*pixels.shape[:2], 1), 255, np.uint8)
        # Colours of transparent pixels mean nothing, as a rule they are black: multiplied, they darken no edge.
        return cls(np.concatenate([pixels[..., :3] * (opacity / np.float32(255)), opacity], axis=2).astype(np.float32))

    def __call__(self, patch: Patch) -> UInt8Array:
        x0, y0, x1, y1 = patch.bounds
        height, width = self.premultiplied.shape[:2]
        ellipse = patch.ellipse
        # The longer side takes up all that is covered; no side is stretched.
        scale = 2 * (max(ellipse.across, ellipse.down) + ellipse.border_px) / max(width, height)
        image, shrunk = self.premultiplied, min(1.0, scale)
        if shrunk < 1:
            image = cv2.resize(image, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
        across, down = width * scale / image.shape[1], height * scale / image.shape[0]
        cos, sin = np.cos(ellipse.lean), np.sin(ellipse.lean)
        linear = np.array(((cos * across, -sin * down), (sin * across, cos * down)))
        middle = np.array(((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2))
        shift = np.array((ellipse.x - x0 - 0.5, ellipse.y - y0 - 0.5)) - linear @ middle
        placed = cv2.warpAffine(image, np.hstack([linear, shift[:, None]]), (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        shown = placed[..., :3] + patch.surroundings() * (1 - placed[..., 3:] / 255)
        return np.asarray(np.clip(np.rint(shown), 0, 255), np.uint8)


def make_style(replace_with: str, *, mosaic_size: int = 20, mosaic_of_face: bool = False) -> Style:
    """Return the style that `--replace-with` names: blur, mosaic, solid[:#RRGGBB], or the path of an image.

    Raises:
        ConfigError: It names none of these.
    """
    if mosaic_size < 1:
        raise ConfigError(f"mosaic_size is {mosaic_size}, expected at least 1", hint="see --mosaic-size")
    if mosaic_of_face and replace_with != "mosaic":
        raise ConfigError(
            f"mosaic_of_face needs replace_with mosaic, got {replace_with}", hint="use --replace-with mosaic, or leave --mosaic-of-face out"
        )
    match replace_with:
        case "blur":
            return Blur()
        case "mosaic" if mosaic_of_face:
            logger.warning("people can be recognised under a mosaic of their faces")
            return MosaicOfFace(mosaic_size)
        case "mosaic":
            return Mosaic(mosaic_size)
        case "solid":
            return Solid()
    if replace_with.startswith("solid:"):
        digits = re.fullmatch(r"solid:#?([0-9a-fA-F]{6})", replace_with)
        if digits is None:
            raise ConfigError(f"replace_with is {replace_with!r}, which is not a colour", hint="Write solid:#RRGGBB, such as solid:#336699.")
        red, green, blue = bytes.fromhex(digits[1])
        return Solid((red, green, blue))
    return ImageCover.of(_read(replace_with))


def _read(path: str) -> UInt8Array:
    """Return the pixels of an image file, uint8 RGB or RGBA."""
    content = np.frombuffer(Path(path).read_bytes(), np.uint8) if os.path.isfile(path) else None
    pixels = None if content is None or not content.size else cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ConfigError(
            f"replace_with is {path!r}, which is not an image that can be read",
            hint="Expected blur, mosaic, solid, solid:#RRGGBB, or the path of an image.",
        )
    if pixels.dtype == np.uint16:
        pixels = (pixels // 257).astype(np.uint8)
    conversions = {2: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
    return np.asarray(cv2.cvtColor(pixels, conversions[2 if pixels.ndim == 2 else pixels.shape[2]]), np.uint8)


def one_colour(colour: tuple[int, int, int], width: int, height: int) -> UInt8Array:
    """Return one colour in a size. NumPy's broadcasting copies three bytes at a time; enlarging one pixel is faster."""
    plain: UInt8Array = cv2.resize(np.array([[colour]], np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return plain


def mosaic_all(image: UInt8Array) -> UInt8Array:
    """Return a whole image as a mosaic in which no face can be made out, wherever and however small it is.

    Eight squares lie along the long side: a face that fills the image keeps no more than two faces' worth of a mosaic.
    """
    height, width = image.shape[:2]
    cells = coarse_cells(image, max(height, width) / 8, step=32)
    squares: UInt8Array = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
    return squares


def coarse_cells(patch: UInt8Array, cell_px: float, *, step: int) -> UInt8Array:
    """Return the mean colours of cells of at least `cell_px`, in coarse steps: uint8 RGB (rows, columns, 3)."""
    height, width = patch.shape[:2]
    size = (max(1, int(width / cell_px)), max(1, int(height / cell_px)))
    # Some hundred pixels of a cell tell its mean well enough.
    every = max(1, int(cell_px // 16))
    means = cv2.resize(patch[::every, ::every], size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], 3)
    colours = cv2.cvtColor(means, cv2.COLOR_RGB2YCrCb).astype(np.int32)
    # Quantised before anything smooths it again: what the steps took away, no sharpening brings back. Chroma is rounded to steps
    # about 128, so that grey stays grey.
    colours[..., 0] = colours[..., 0] // step * step + step // 2
    colours[..., 1:] = (colours[..., 1:] - 128 + step // 4) // (step // 2) * (step // 2) + 128
    coarse: UInt8Array = cv2.cvtColor(np.clip(colours, 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)
    return coarse
