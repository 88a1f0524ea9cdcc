"""People as seen from behind: hair where an obfuscated face was.

Portraits show people's fronts, streets and meeting rooms also the backs of their heads. A face that is hidden anyway can become one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.datasets.portraits import Portrait
from p3mvideo.frame import UInt8Array
from p3mvideo.training.samples.copy_paste import obfuscated_faces

FEWEST_HAIR_PX = 20
"""From so few opaque pixels above a face the colour of hair can be told; else it is drawn."""


def from_behind(portrait: Portrait, rng: np.random.Generator) -> Portrait:
    """Return a portrait with streaks of its hair's colours in place of its obfuscated faces, which it then has no more."""
    image = portrait.image
    for face in obfuscated_faces(portrait.face_mask, portrait.alpha):
        image = _with_hair(image, face, portrait.alpha, rng)
    return replace(portrait, image=image, face_mask=np.zeros_like(portrait.face_mask))


class Hair(NamedTuple):
    """What hair looks like."""

    mean: np.ndarray
    """RGB, (3,)."""
    spread: float
    """Standard deviation from strand to strand."""


def hair_above(image: UInt8Array, face: np.ndarray, alpha: UInt8Array) -> Hair | None:
    """Return what the hair above an obfuscated face looks like; None where too little of it is seen."""
    x, y, w, h = cv2.boundingRect(face.astype(np.uint8))
    above = np.s_[max(0, y - max(2, h // 5)) : y + h // 10, x : x + w]
    return _looks(image[above][(alpha[above] > 230) & ~face[above]].astype(np.float32))


def draw_hair(rng: np.random.Generator) -> Hair:
    """Draw what hair looks like."""
    hair = _looks((rng.uniform(10, 130) * np.array([1.0, 0.85, 0.7]) + rng.normal(0, 12, (64, 1))).astype(np.float32))
    assert hair is not None
    return hair


def _looks(pixels: np.ndarray) -> Hair | None:
    return Hair(pixels.mean(0), float(pixels.std(0).mean())) if len(pixels) >= FEWEST_HAIR_PX else None


def draw_shade(rng: np.random.Generator) -> tuple[float, float]:
    """Draw by which shares hair is lighter at the top and at the bottom."""
    return rng.uniform(-0.1, 0.2), rng.uniform(-0.2, 0.1)


def _with_hair(image: UInt8Array, face: np.ndarray, alpha: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    x, y, w, h = cv2.boundingRect(face.astype(np.uint8))
    hair = hair_above(image, face, alpha) or draw_hair(rng)
    strands = cv2.resize(rng.standard_normal((max(2, h // 12), max(2, w // 2)), dtype=np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    shade = np.linspace(*draw_shade(rng), h, dtype=np.float32)
    colours = (hair.mean + strands[..., None] * np.clip(hair.spread, 6.0, 25.0)) * (1 + shade[:, None, None])
    window = np.s_[y : y + h, x : x + w]
    soft = cv2.GaussianBlur(face[window].astype(np.float32), (0, 0), max(0.5, 0.04 * w))[..., None] * face[window][..., None]
    result = image.copy()
    result[window] = np.round(np.clip(soft * colours + (1 - soft) * image[window], 0, 255)).astype(np.uint8)
    return result
