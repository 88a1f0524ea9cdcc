"""Things that are no people: pieces of images, put behind people and before them.

What stands right beside someone, or is pushed or pulled along, is easily taken for part of them. A network that has seen pieces of
anything end at a person's outline learns that an outline is the person's, not that of all that differs from the room.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.training.samples.scene import Layer, Rng

HARMONICS = 6
"""How many waves go around an outline at most."""
SMALLEST_RADIUS = 0.15
"""Of a wavy outline, where 1 is that of an ellipse."""


def thing_behind(texture: UInt8Array, beside: tuple[float, float], rng: Rng) -> Layer:
    """Cut a thing out of an image and put it near a place, to be composed behind people.

    Args:
        texture: RGB (S, S, 3) without people.
        beside: x and y in pixels.
        rng: Draws its shape, size and exact place.
    """
    return _layer(texture, draw_thing_behind(texture.shape[0], beside, rng))


def draw_thing_behind(size: int, beside: tuple[float, float], rng: Rng) -> Thing:
    """Draw the shape and place of a thing that stands behind people, near a place, in a scene of S x S pixels."""
    width, height = size * np.exp(rng.uniform(np.log(0.08), np.log(0.5), 2))
    middle = np.array(beside) + rng.normal(0, 0.1, 2) * size
    return _thing(rng, middle, width, height)


def thing_before(texture: UInt8Array, rng: Rng) -> Layer:
    """Cut a thing out of an image that stands at the lower border before everybody, as desks do."""
    return _layer(texture, draw_thing_before(texture.shape[0], rng))


def draw_thing_before(size: int, rng: Rng) -> Thing:
    """Draw the shape and place of a thing that stands before everybody, in a scene of S x S pixels."""
    width, height = size * rng.uniform(0.4, 1.8), size * rng.uniform(0.1, 0.7)
    middle = np.array([rng.uniform(0, size), size])
    return _thing(rng, middle, width, height)


@dataclass(frozen=True)
class Thing:
    """A thing's outline and place in a scene."""

    middle: np.ndarray
    """x and y in pixels."""
    size: tuple[float, float]
    """Width and height in pixels."""
    angle: float
    """How far it is turned, in radians."""
    is_rectangle: bool
    """Whether it is a rectangle instead of something round."""
    waves: np.ndarray
    """Amplitude, in shares of the radius, and phase of the second and further harmonics of a round outline, (HARMONICS - 1, 2)."""
    softness_px: float
    """Standard deviation of the blur of its outline."""

    def outline(self) -> np.ndarray:
        """Return the corners, (N, 2) in pixels."""
        if self.is_rectangle:
            points = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        else:
            turn = np.linspace(0, 2 * np.pi, 96, endpoint=False)
            radius = np.ones_like(turn)
            if self.waves.any():
                for wave, (amplitude, phase) in enumerate(self.waves, start=2):
                    radius += amplitude * np.cos(wave * turn + phase)
                radius = np.maximum(radius, SMALLEST_RADIUS)
            points = radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
        rotation = np.array([[np.cos(self.angle), np.sin(self.angle)], [-np.sin(self.angle), np.cos(self.angle)]])
        return np.asarray(self.middle + points * (self.size[0] / 2, self.size[1] / 2) @ rotation)


def _thing(rng: Rng, middle: np.ndarray, width: float, height: float) -> Thing:
    """Draw what a thing looks like: a rectangle, an ellipse, or something wavy."""
    kind, waves = rng.integers(3), np.zeros((HARMONICS - 1, 2))
    if kind == 2:
        for wave in range(2, HARMONICS + 1):
            waves[wave - 2] = rng.normal(0, 0.5 / wave), rng.uniform(0, 2 * np.pi)
    angle = rng.normal(0, 0.15) if rng.random() < 0.6 else rng.uniform(0, np.pi)
    return Thing(middle, (width, height), float(angle), bool(kind == 0), waves, float(rng.uniform(0.3, 1.5)))


def _layer(texture: UInt8Array, thing: Thing) -> Layer:
    size = texture.shape[0]
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(thing.outline() * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    soft: Float32Array = np.asarray(cv2.GaussianBlur(mask, (0, 0), thing.softness_px), np.float32) / np.float32(255)
    return Layer(texture.astype(np.float32), soft)
