"""An engine that looks at each image twice: as it is, and in the mirror."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from p3mvideo.frame import Pixels
from p3mvideo.matte import Matte
from p3mvideo.stages import MattingEngine


class BothWays:
    """A `MattingEngine` that takes the mean of the mattes of an image and of its mirror image (test-time augmentation).

    A person stays one in the mirror, so whatever of both mattes differs is a mistake of one of them.

    Args:
        engine: Looks at images as they are.
    """

    def __init__(self, engine: MattingEngine) -> None:
        self._engine = engine

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        """Return a matte at working size for each image. See `p3mvideo.stages.MattingEngine`."""
        mattes = self._engine(images, size)
        mirrored = self._engine([_mirrored(image) for image in images], size)
        return [_mean(matte, other) for matte, other in zip(mattes, mirrored, strict=True)]


def _mirrored(image: Pixels) -> Pixels:
    return np.ascontiguousarray(image[:, ::-1]) if isinstance(image, np.ndarray) else image.flip(2)


def _mean(matte: Matte, mirrored: Matte) -> Matte:
    if matte.on_host:
        semantic, other = matte.semantic_array(), mirrored.semantic_array()
        alpha = (matte.alpha_array() + mirrored.alpha_array()[:, ::-1]) / np.float32(2)
        return matte.with_arrays(alpha, None if semantic is None or other is None else (semantic + other[..., ::-1]) / np.float32(2))
    both = None if matte.semantic is None or mirrored.semantic is None else (matte.semantic + mirrored.semantic.flip(2)) / 2
    return Matte((matte.alpha + mirrored.alpha.flip(2)) / 2, both)
