"""Views of rooms with cloth hung into them: curtains, flags, towels, banners.

Folds, stripes and strong colours beside someone are easily taken for clothes, and few rooms that photographs show have any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.datasets.image_files import images_in, make_folders, read_image, write_image
from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.ops.shrink import shrunk

Rng = np.random.Generator
FloatArray = npt.NDArray[np.float64]

LONGEST_PX = 720
"""Longer side of the images that are written, at most."""
MOST_CLOTHS = 3
OUT_OF_FOCUS = 0.5
"""Chance that a piece of cloth is."""


@dataclass(frozen=True)
class Cloth:
    """A piece of cloth as it is seen."""

    colours: Float32Array
    """RGB in [0, 255], (H, W, 3)."""
    matte: Float32Array
    """In [0, 1], (H, W)."""


def drape_rooms(rooms: Path, target: Path, *, count: int = 400, seed: int = 0, on_progress: Callable[[int, int], None] | None = None) -> int:
    """Write `count` views of rooms with cloth in them, `draped_NNNN.jpg`; those that are there already stay. Return how many were written.

    Args:
        rooms: Folder of images without people; taken in turn.
        target: Folder for the new ones.
        count: How many there are in the end.
        seed: Another one draws other cloth. The same gives the same images.
        on_progress: Told how many are done, and of how many.

    Raises:
        DatasetError: There are no images, one cannot be read, or one cannot be written.
    """
    images = images_in(rooms)
    make_folders(target)
    written = 0
    for number in range(count):
        path = target / f"draped_{number:04d}.jpg"
        if not path.exists():
            rng = np.random.default_rng([seed, number])
            draped = drape(_within_limit(read_image(images[number % len(images)])), rng)
            write_image(path, draped)
            written += 1
        if on_progress is not None:
            on_progress(number + 1, count)
    return written


def drape(room: UInt8Array, rng: Rng) -> UInt8Array:
    """Hang cloth into a view of a room, uint8 RGB (H, W, 3): one to three pieces, mostly at the sides."""
    height, width = room.shape[:2]
    image = room.astype(np.float32)
    light = 0.4 + 0.6 * float(room.mean()) / 128  # cloth in a dark room is dark
    for _ in range(int(rng.integers(1, MOST_CLOTHS + 1))):
        w, h = round(width * rng.uniform(0.1, 0.5)), round(height * rng.uniform(0.35, 1.15))
        middle = rng.choice((rng.normal(0.12, 0.1), rng.normal(0.88, 0.1), rng.uniform(0, 1)))
        left, top = round(width * middle - w / 2), round(height * rng.uniform(-0.15, 0.25))
        cloth = make_cloth(w, h, rng)
        if rng.random() < OUT_OF_FOCUS:
            sigma = width * rng.uniform(0.001, 0.008)
            cloth = Cloth(*(np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32) for plane in (cloth.colours, cloth.matte)))
        x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + w), min(height, top + h)
        if x0 >= x1 or y0 >= y1:
            continue
        seen = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        matte = cloth.matte[seen][..., None]
        under = image[y0:y1, x0:x1]
        image[y0:y1, x0:x1] = under + matte * (light * cloth.colours[seen] - under)
    return np.clip(image, 0, 255).astype(np.uint8)


def make_cloth(width: int, height: int, rng: Rng) -> Cloth:
    """Make a hanging piece of cloth with folds that open towards its lower end, `height` x `width` pixels."""
    v, u = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = u / max(1, width - 1), v / max(1, height - 1)
    opening = rng.uniform(0, 0.5) + rng.uniform(0.5, 1.0) * v
    phase = 2 * np.pi * (rng.uniform(1.5, 9) * u + rng.normal(0, 1.5) * v + 0.15 * np.sin(2 * np.pi * (rng.uniform(0.3, 1.5) * v + rng.random())))
    depth = rng.uniform(0.2, 1.0) * opening
    across = u + rng.uniform(0.0, 0.1) * depth * np.sin(phase)
    down = v + rng.uniform(0.0, 0.1) * depth * np.cos(phase)
    colours = _pattern(across, down * height / width, rng)
    shading = 1 + rng.uniform(0.1, 0.5) * depth * np.cos(phase + rng.uniform(0, np.pi))
    colours = np.clip(colours * shading[..., None], 0, 255)
    colours += rng.normal(0, rng.uniform(0, 6), (height, width, 1))
    # The sides and the lower end wave with the folds.
    wave = rng.uniform(0.0, 0.05) * depth * np.sin(phase * 0.5)
    inside = np.minimum.reduce([(u - 0.06 + wave) * width, (0.94 - u + wave) * width, (0.97 - v + wave) * height])
    softness = rng.uniform(0.6, 2.0)
    return Cloth(colours.astype(np.float32), np.clip(inside / softness, 0, 1).astype(np.float32))


def _pattern(x: FloatArray, y: FloatArray, rng: Rng) -> FloatArray:
    """Return the colours of a flat cloth, (H, W, 3), at places of which `x` goes from 0 to 1 across it."""
    palette = np.array([_colour(rng) for _ in range(int(rng.integers(2, 5)))])
    kind = rng.integers(5)
    if kind == 0:
        colours = np.broadcast_to(palette[0], (*x.shape, 3)).copy()
    elif kind in (1, 2):
        angle = rng.choice((0.0, np.pi / 2, rng.uniform(0, np.pi)))
        along = (np.cos(angle) * x + np.sin(angle) * y) * rng.uniform(2, 14)
        colours = palette[np.floor(along).astype(int) % len(palette)]
    elif kind == 3:
        bands = [np.floor(axis * rng.uniform(3, 14)).astype(int) % len(palette) for axis in (x, y)]
        colours = (palette[bands[0]] + palette[bands[1]]) / 2
    else:
        cells = rng.uniform(4, 16)
        to_middle = np.hypot((x * cells) % 1 - 0.5, (y * cells) % 1 - 0.5)
        colours = np.where((to_middle < rng.uniform(0.15, 0.4))[..., None], palette[0], palette[1])
    if rng.random() < 0.3:  # another field in a corner, as flags have
        corner = (x < rng.uniform(0.2, 0.6)) & (y < rng.uniform(0.1, 0.5) * float(y.max()))
        cells = rng.uniform(8, 24)
        spots = np.hypot((x * cells) % 1 - 0.5, (y * cells) % 1 - 0.5) < 0.28
        colours = np.where(corner[..., None], np.where(spots[..., None], palette[1], _colour(rng)), colours)
    return np.asarray(colours, np.float64)


def _colour(rng: Rng) -> FloatArray:
    """Draw the colour of a dye: often white, dark or strong."""
    kind = rng.random()
    if kind < 0.25:
        return np.full(3, rng.uniform(200, 250)) + rng.normal(0, 4, 3)
    if kind < 0.4:
        return rng.uniform(5, 50, 3)
    hue, saturation, value = rng.uniform(0, 180), rng.uniform(60, 240), rng.uniform(60, 240)
    colour = np.array([[[hue, saturation, value]]], np.uint8)
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_HSV2RGB)[0, 0], np.float64)


def _within_limit(image: UInt8Array) -> UInt8Array:
    """Return an image no longer than `LONGEST_PX`."""
    height, width = image.shape[:2]
    scale = LONGEST_PX / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return shrunk(image, size)
