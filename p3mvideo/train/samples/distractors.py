"""Things that are no people: pieces of pictures, put behind people and before them.

What stands right beside somebody, or is pushed or pulled along, is easily taken for part of them. A network that has seen pieces of
anything end at a person's outline learns that an outline is the person's, not that of all that differs from the room.
"""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.train.samples.scene import Layer, Rng

HARMONICS = 6
"""How many waves go around an outline at most."""


def thing_behind(texture: UInt8Array, beside: tuple[float, float], rng: Rng) -> Layer:
    """Cut a thing out of a picture and put it near a place, to be composed behind people.

    Args:
        texture: RGB (S, S, 3) without people.
        beside: x and y in pixels.
        rng: Draws its shape, size and exact place.
    """
    size = texture.shape[0]
    width, height = size * np.exp(rng.uniform(np.log(0.08), np.log(0.5), 2))
    middle = np.array(beside) + rng.normal(0, 0.1, 2) * size
    return _layer(texture, middle + _outline(rng, width, height), rng)


def thing_before(texture: UInt8Array, rng: Rng) -> Layer:
    """Cut a thing out of a picture that stands at the lower border before everybody, as desks do."""
    size = texture.shape[0]
    width, height = size * rng.uniform(0.4, 1.8), size * rng.uniform(0.1, 0.7)
    middle = np.array([rng.uniform(0, size), size])
    return _layer(texture, middle + _outline(rng, width, height), rng)


def _outline(rng: Rng, width: float, height: float) -> np.ndarray:
    """Draw a closed outline about the origin, as many corners as rows: a rectangle, an ellipse, or something wavy."""
    kind = rng.integers(3)
    if kind == 0:
        points = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    else:
        turn = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        radius = np.ones_like(turn)
        if kind == 2:
            for wave in range(2, HARMONICS + 1):
                radius += rng.normal(0, 0.5 / wave) * np.cos(wave * turn + rng.uniform(0, 2 * np.pi))
            radius = np.maximum(radius, 0.15)
        points = radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    angle = rng.normal(0, 0.15) if rng.random() < 0.6 else rng.uniform(0, np.pi)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(points * (width / 2, height / 2) @ rotation)


def _layer(texture: UInt8Array, outline: np.ndarray, rng: Rng) -> Layer:
    size = texture.shape[0]
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    soft: Float32Array = np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.3, 1.5)), np.float32) / np.float32(255)
    return Layer(texture.astype(np.float32), soft)
