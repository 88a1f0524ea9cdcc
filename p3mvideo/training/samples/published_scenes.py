"""The scenes of the published recipes: crops of portraits with a trimap made on the way.

The release of 2021 (arXiv 2104.14222) and the training program of 2024 differ in one point, the anchor: in 2021 the drawn pixel is the
crop's upper left corner, and is drawn where a whole crop fits to its lower right; in 2024 it is the crop's centre, and the crop is moved
inside the image. Two accidents of 2021 are not repeated, as the program of 2024 does not repeat them: the trimap has its three levels
again after it was resized, and a crop is never larger than its image.
"""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.trimap import KNOWN_BACKGROUND, KNOWN_FOREGROUND, UNKNOWN, trimap_from_alpha
from p3mvideo.options.training.crops import CropOptions
from p3mvideo.training.samples.portrait_order import PortraitOrder
from p3mvideo.training.samples.scene import Scene, cropped_faces

SURE_FOREGROUND, SURE_BACKGROUND = 180, 50
"""A resized trimap is foreground above the one and background below the other."""
FACE_LEVEL = 100
"""A resized face mask is a face above this."""


class PublishedScenes:
    """Makes scenes as the published recipes do. See `p3mvideo.training.samples.dataset.SceneMaker`.

    Args:
        portraits: Where they come from, with layers if the composition loss is used.
        order: Which of them comes when.
        size_px: Side of the scenes, 512 in the recipes. Crops are drawn in proportion.
        options: How crops and trimaps are drawn.
    """

    def __init__(self, portraits: PortraitFolder, order: PortraitOrder, *, size_px: int, options: CropOptions) -> None:
        self.portraits = portraits
        self.order = order
        self.size_px = size_px
        self.options = options

    def __call__(self, index: int, rng: np.random.Generator) -> Scene:
        """Return the scene of sample `index`, drawn by `rng`."""
        portrait = self.portraits.load(self.order.at(index, rng))
        smallest, largest = self.options.trimap_px
        trimap = trimap_from_alpha(portrait.alpha, int(rng.integers(int(smallest), int(largest) + 1)))
        x, y, side = self._crop(trimap, rng)
        window = np.s_[y : y + side, x : x + side]

        def cut(part: UInt8Array) -> UInt8Array:
            # Bilinear for everything, as published; larger crops alias as they did there.
            return np.asarray(cv2.resize(part[window], (self.size_px, self.size_px), interpolation=cv2.INTER_LINEAR), np.uint8)

        scene = Scene(
            cut(portrait.image), cut(portrait.alpha), (cut(portrait.face_mask) > FACE_LEVEL).astype(np.uint8) * 255, three_levels(cut(trimap)),
            None if portrait.foreground is None else cut(portrait.foreground),
            None if portrait.background is None else cut(portrait.background),
            faces=cropped_faces(portrait, (x, y, side, side), self.size_px),
        )  # fmt: skip
        return scene.mirrored() if rng.random() < self.options.crop_mirror else scene

    def camera(self, image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
        """Return the image as it is: the published recipes change no colours."""
        return image

    def _crop(self, trimap: UInt8Array, rng: np.random.Generator) -> tuple[int, int, int]:
        """Draw a crop; return x, y and side."""
        height, width = trimap.shape
        drawn, smallest = round(int(rng.choice(self.options.crop_px)) * self.size_px / 512), self.size_px
        side = min(drawn if drawn < min(height, width) else smallest, height, width)
        tied = rng.random() < self.options.crop_unknown
        if self.options.crop_anchor == "corner":
            y, x = _pixel(trimap[: height - side + 1, : width - side + 1], tied=tied, rng=rng)
        else:
            y, x = _pixel(trimap, tied=tied, rng=rng)
            y, x = min(max(0, y - side // 2), height - side), min(max(0, x - side // 2), width - side)
        return x, y, side


def three_levels(trimap: UInt8Array) -> UInt8Array:
    """Return a resized trimap with its values brought back to 0, 128 and 255."""
    return np.where(trimap > SURE_FOREGROUND, KNOWN_FOREGROUND, np.where(trimap < SURE_BACKGROUND, KNOWN_BACKGROUND, UNKNOWN)).astype(np.uint8)


def _pixel(trimap: UInt8Array, *, tied: bool, rng: np.random.Generator) -> tuple[int, int]:
    """Draw a pixel (y, x): an unknown one if `tied` and there is one, else any."""
    unknown = np.flatnonzero(trimap == UNKNOWN) if tied else np.empty(0, np.int64)
    flat = int(rng.choice(unknown)) if unknown.size else int(rng.integers(trimap.size))
    return flat // int(trimap.shape[1]), flat % int(trimap.shape[1])
