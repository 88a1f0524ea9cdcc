"""The trimap of an image that has none, from its true matte."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from p3mvideo.datasets.benchmark import BenchmarkImage
from p3mvideo.ops.trimap import trimap_from_alpha

DERIVED_TRIMAP_PX = 25
"""Side of the kernel that widens the transition area of a derived trimap."""


def with_trimap(portrait: BenchmarkImage, *, derive: bool) -> BenchmarkImage:
    """Return an image with the trimap that it has, or if asked for one that is derived."""
    if portrait.trimap is not None or not derive:
        return portrait
    levels = np.round(portrait.alpha * 255).astype(np.uint8)
    return replace(portrait, trimap=trimap_from_alpha(levels, DERIVED_TRIMAP_PX))
