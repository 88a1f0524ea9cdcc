"""An engine that looks at an image as a whole, and closer at the part of it where people are."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, Pixels
from p3mvideo.matte import Matte
from p3mvideo.stages import MattingEngine
from p3mvideo.temporal.person_region import PERSON_ALPHA
from p3mvideo.temporal.person_window import Box, extent

MARGIN = 0.25
"""How far around people the closer look reaches at least, in longer sides of the box around them."""
LEAST_ZOOM, LARGEST_ZOOM = 1.1, 3.0
"""Who would appear less enlarged than this has been seen close enough; nobody is enlarged more."""
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
        people = extent(matte.alpha_array(), PERSON_ALPHA)
        if people is None:
            return matte
        height, width = matte.shape
        margin = max(1, round(MARGIN * (max(people.bottom - people.top, people.right - people.left) - 1)))
        part = _around(people, margin, matte.shape)
        if height < LEAST_ZOOM * (part.bottom - part.top):
            return matte
        # Where the size is the same, runtimes need not compile the network again.
        (closer,) = self._engine([_cut(image, part, matte.shape)], (width, height))
        semantic, closer_semantic = matte.semantic_array(), closer.semantic_array()
        alpha = _mean(matte.alpha_array()[None], closer.alpha_array()[None], part, margin)[0]
        return matte.with_arrays(alpha, None if semantic is None or closer_semantic is None else _mean(semantic, closer_semantic, part, margin))


def _around(people: Box, margin: int, shape: tuple[int, int]) -> Box:
    """Return the part of a matte of `shape` = (h, w) with all people and a margin around them, in the proportions of the whole."""
    height, width = shape
    top, bottom = max(0, people.top - margin), min(height, people.bottom + margin)
    left, right = max(0, people.left - margin), min(width, people.right + margin)
    share = max((bottom - top) / height, (right - left) / width, 1 / LARGEST_ZOOM)
    return Box(*_grown(top, bottom, share, height), *_grown(left, right, share, width))


def _grown(first: int, end: int, share: float, length: int) -> tuple[int, int]:
    """Return an interval that is a share of a length, around another one as far as it has room."""
    size = min(length, ceil(share * length))
    start = min(max(0, (first + end - size) // 2), length - size)
    return start, start + size


def _cut(image: Pixels, part: Box, shape: tuple[int, int]) -> Pixels:
    """Return a part of a matte of `shape` = (h, w) out of its image."""
    height, width = image.shape[:2] if isinstance(image, np.ndarray) else image.shape[1:]
    rows = slice(part.top * height // shape[0], -(-part.bottom * height // shape[0]))
    columns = slice(part.left * width // shape[1], -(-part.right * width // shape[1]))
    return np.ascontiguousarray(image[rows, columns]) if isinstance(image, np.ndarray) else image[:, rows, columns]


def _mean(whole: Float32Array, closer: Float32Array, part: Box, margin: int) -> Float32Array:
    """Return planes (C, H, W) with the closer look's in a part, whose weight rises within its margin, see `_weights`."""
    height, width = part.bottom - part.top, part.right - part.left
    down = _weights(height, margin, begins=part.top > 0, ends=part.bottom < whole.shape[1])
    across = _weights(width, margin, begins=part.left > 0, ends=part.right < whole.shape[2])
    weight = np.float32(WEIGHT) * down[:, None] * across
    mixed = whole.copy()
    for plane, seen in zip(mixed, closer, strict=True):
        inside = part.cut(plane)
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
