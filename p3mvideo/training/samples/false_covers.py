"""Smears where no face is, as a face tracker puts them in use: beside faces and over their outlines, and on things it takes for faces.

The matte is what it would be without them, so a network learns not to follow them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.cover.smear import obfuscate

BESIDE = 0.6
"""Chance that a smear is at one of the faces, if there are any."""
OFF, SCALE = 0.18, (0.9, 1.5)
"""How far it is off, in sides of the face (standard deviation), and its size compared with the face's."""
SIDE, ASPECT = (0.05, 0.3), (1.0, 1.5)
"""Width of other smears in sides of the image, and their height compared with it."""
TURN_DEGREES = 15.0
"""How far they are turned (standard deviation)."""
SECOND = 0.3
"""Chance of a second one."""


PlacedBox = tuple[float, float, float, float]
"""x, y, width and height in pixels."""


class FalseCover(NamedTuple):
    """An ellipse that is smeared."""

    middle: tuple[float, float]
    """x and y in pixels."""
    half: tuple[float, float]
    """Half of width and height in pixels."""
    degrees: float
    """By which it is turned clockwise."""


def draw_false_covers(faces: Sequence[PlacedBox], width: int, height: int, rng: np.random.Generator) -> list[FalseCover]:
    """Draw one or two smears.

    Args:
        faces: Those in the image.
        width: Of the image.
        height: Of the image.
        rng: Draws the smears.
    """
    covers = []
    for _ in range(1 + (rng.random() < SECOND)):
        if faces and rng.random() < BESIDE:
            x, y, across, down = faces[int(rng.integers(len(faces)))]
            scale = rng.uniform(*SCALE)
            middle = np.array([x + across / 2, y + down / 2]) + rng.normal(0, OFF, 2) * max(across, down)
            size = np.array([across, down]) * scale
        else:
            middle = rng.uniform(0, 1, 2) * (width, height)
            side = np.exp(rng.uniform(*np.log(SIDE))) * width
            size = np.array([side, side * rng.uniform(*ASPECT)])
        (x, y), (half_x, half_y) = middle.tolist(), (size / 2).tolist()
        covers.append(FalseCover((x, y), (half_x, half_y), float(rng.normal(0, TURN_DEGREES))))
    return covers


def with_false_covers(image: UInt8Array, faces: Sequence[np.ndarray], rng: np.random.Generator) -> UInt8Array:
    """Return a copy of an image with one or two smears.

    Args:
        image: RGB (H, W, 3).
        faces: Those in it, bool (H, W) each.
        rng: Draws the smears.
    """
    height, width = image.shape[:2]
    boxes = [(float(x), float(y), float(w), float(h)) for x, y, w, h in (cv2.boundingRect(face.astype(np.uint8)) for face in faces)]
    for cover in draw_false_covers(boxes, width, height, rng):
        mask = np.zeros((height, width), np.uint8)
        half = np.maximum(np.round(cover.half), 1).astype(int)
        cv2.ellipse(mask, np.round(cover.middle).astype(int).tolist(), half.tolist(), cover.degrees, 0, 360, 255, -1)
        if mask.any():
            image = obfuscate(image, mask)
    return image
