"""A few whole portraits as they are, again and again: for seeing whether a network learns at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.trimap import trimap_from_alpha
from p3mvideo.training.samples.scene import Scene, cropped_scene, whole

TRIMAP_SHARE = 1 / 32
"""Kernel of the trimap over the scene's side."""


class WholeScenes:
    """Makes the same scene of each portrait every time. See `p3mvideo.training.samples.dataset.SceneMaker`.

    Args:
        portraits: Where they come from.
        names: Which of them, in this order.
        size_px: Side of the scenes.
    """

    def __init__(self, portraits: PortraitFolder, names: Sequence[str], *, size_px: int) -> None:
        self.portraits = portraits
        self.names = names
        self.size_px = size_px

    def __call__(self, index: int, rng: np.random.Generator) -> Scene:
        """Return the scene of sample `index`."""
        portrait = self.portraits.load(self.names[index % len(self.names)])
        scene = cropped_scene(portrait, whole(portrait), self.size_px)
        return replace(scene, trimap=trimap_from_alpha(scene.alpha, max(3, round(self.size_px * TRIMAP_SHARE))))

    def camera(self, image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
        """Return the image as it is."""
        return image
