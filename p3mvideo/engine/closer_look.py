"""An engine that looks at an image as a whole, and closer at the part of it where people are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, Pixels
from p3mvideo.matte import Matte
from p3mvideo.stages import MattingEngine

PERSON_ALPHA = 0.1
"""From this alpha on something may belong to a person."""
MARGIN = 0.25
"""How far around people the closer look reaches, in longer sides of the box around them."""
LEAST_ZOOM = 1.1
"""Who appears less enlarged than this in the closer look has been seen close enough."""
WEIGHT = 0.5
"""Part of the closer look in the matte: it sees more of people, and less of what tells that something is none."""


class CloserLook:
    """A `MattingEngine` that takes the mean of an image's matte and of a closer look at the part with all people, where they fill little of it.

    Args:
        engine: Looks at images.
    """

    def __init__(self, engine: MattingEngine) -> None:
        self._engine = engine

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        """Return a matte at working size for each image. See `p3mvideo.stages.MattingEngine`."""
        mattes = self._engine(images, size)
        return [self._looked_closer(image, matte) for image, matte in zip(images, mattes, strict=True)]

    def _looked_closer(self, image: Pixels, matte: Matte) -> Matte:
        part = _around_people(matte.alpha_array())
        height, width = matte.shape
        if part is None or max(height, width) < LEAST_ZOOM * max(part.bottom - part.top, part.right - part.left):
            return matte
        (closer,) = self._engine([_cut(image, part, matte.shape)])
        semantic, closer_semantic = matte.semantic_array(), closer.semantic_array()
        alpha = _mean(matte.alpha_array()[None], closer.alpha_array()[None], part)[0]
        return matte.with_arrays(alpha, None if semantic is None or closer_semantic is None else _mean(semantic, closer_semantic, part))


class _Part(NamedTuple):
    """Part of a matte, in its pixels, half open."""

    top: int
    bottom: int
    left: int
    right: int
    margin: int
    """How much of it lies around people, on each side that is not the image's."""


def _around_people(alpha: Float32Array) -> _Part | None:
    """Return the part of a matte (H, W) with all people and a margin; None if there is no one."""
    (height, width), seen = alpha.shape, alpha > PERSON_ALPHA
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not rows.size:
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    margin = max(1, round(MARGIN * max(bottom - top, right - left)))
    return _Part(max(0, top - margin), min(height, bottom + margin), max(0, left - margin), min(width, right + margin), margin)


def _cut(image: Pixels, part: _Part, shape: tuple[int, int]) -> Pixels:
    """Return a part of a matte of `shape` = (h, w) out of its image."""
    height, width = image.shape[:2] if isinstance(image, np.ndarray) else image.shape[1:]
    rows = slice(part.top * height // shape[0], -(-part.bottom * height // shape[0]))
    columns = slice(part.left * width // shape[1], -(-part.right * width // shape[1]))
    return np.ascontiguousarray(image[rows, columns]) if isinstance(image, np.ndarray) else image[:, rows, columns]


def _mean(whole: Float32Array, closer: Float32Array, part: _Part) -> Float32Array:
    """Return planes (C, H, W) with the closer look's in a part, whose weight rises from the border of the part on."""
    height, width = part.bottom - part.top, part.right - part.left
    down = _weights(height, part.margin, begins=part.top > 0, ends=part.bottom < whole.shape[1])
    across = _weights(width, part.margin, begins=part.left > 0, ends=part.right < whole.shape[2])
    weight = np.float32(WEIGHT) * down[:, None] * across
    mixed = whole.copy()
    for plane, seen in zip(mixed, closer, strict=True):
        inside = plane[part.top : part.bottom, part.left : part.right]
        inside += weight * (cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA) - inside)
    return mixed


def _weights(length: int, margin: int, *, begins: bool, ends: bool) -> Float32Array:
    """Return weights along a side, 1 but for half of the margin at each end that lies inside the image, where they rise from 0."""
    from_border = np.arange(length, dtype=np.float32) / np.float32(max(1, margin / 2))
    weights = np.ones(length, np.float32)
    for inside, distance in ((begins, from_border), (ends, from_border[::-1])):
        if inside:
            weights = np.minimum(weights, distance)
    return weights
