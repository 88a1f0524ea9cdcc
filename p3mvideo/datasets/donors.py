"""Donor faces for P3M-CP on disk.

Two layouts are read:

    FOLDER/image/NAME.jpg  FOLDER/mask/NAME.png                         cut out by `p3mvideo dataset anonymize` or `dataset faces`
    FOLDER/CelebA-HQ-img/N.jpg  FOLDER/CelebAMask-HQ-mask-anno/K/NNNNN_PART.png   CelebAMask-HQ (non-commercial research only)

Any other folder of faces becomes the first kind by `p3mvideo dataset faces`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.datasets.image_files import images_in, read_image, read_levels
from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array

CELEB_IMAGES, CELEB_MASKS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"
CELEB_PARTS = ("skin", "nose", "l_eye", "r_eye", "l_brow", "r_brow", "mouth", "u_lip", "l_lip", "eye_g")
CELEB_BROWS = ("l_brow", "r_brow")
CELEB_PER_FOLDER = 2000


class Donor(NamedTuple):
    """A face that may be pasted."""

    image: UInt8Array
    """RGB (h, w, 3), the face and a little around it."""
    mask: UInt8Array
    """(h, w), above 127 inside the face region, which reaches from the brows to the chin."""


class DonorFaces:
    """The faces of a folder.

    Args:
        folder: In one of the layouts above.

    Raises:
        DatasetError: It is in none of them, or a face has no mask.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._is_celeb = (folder / CELEB_IMAGES).is_dir()
        if not self._is_celeb and not (folder / "image").is_dir():
            raise DatasetError(
                f"{folder} holds no donor faces: neither image/ and mask/ nor {CELEB_IMAGES}/ and {CELEB_MASKS}/",
                hint="cut faces out of a folder of images with `p3mvideo dataset faces`",
            )
        self._images = images_in(folder / (CELEB_IMAGES if self._is_celeb else "image"))
        if self._is_celeb:
            missing = [] if (folder / CELEB_MASKS).is_dir() else self._images
        else:
            missing = [path for path in self._images if not (folder / "mask" / f"{path.stem}.png").exists()]
        if missing:
            hint = "restore the masks, or remove the images"
            raise DatasetError(f"{folder}: {len(missing)} faces have no mask, first {missing[0].name}", hint=hint)

    def __len__(self) -> int:
        return len(self._images)

    def load(self, number: int) -> Donor:
        """Read one face.

        Raises:
            DatasetError: A file cannot be read, or its sizes differ.
        """
        path = self._images[number]
        image = read_image(path)
        if self._is_celeb:
            return Donor(image, _celeb_region(self.folder / CELEB_MASKS, path.stem, image.shape[1], image.shape[0]))
        mask = read_levels(self.folder / "mask" / f"{path.stem}.png")
        if mask.shape != image.shape[:2]:
            raise DatasetError(f"{path} is {image.shape[1]}x{image.shape[0]}, its mask {mask.shape[1]}x{mask.shape[0]}")
        return Donor(image, mask)


def _celeb_region(folder: Path, name: str, width: int, height: int) -> UInt8Array:
    """Return the face from brow line to chin, (height, width).

    The paper's figure pastes a region with a flat top at the height of the brows that follows the jaw, as P3M-10k's face masks do: so the
    skin with everything in it, cut off above the brows.
    """
    if not name.isdigit():
        raise DatasetError(f"{CELEB_IMAGES}/{name} is not named by a number", hint="CelebAMask-HQ's images are called 0.jpg to 29999.jpg")
    number = int(name)
    region = np.zeros((512, 512), np.uint8)
    top: int | None = None
    for part in CELEB_PARTS:
        path = folder / str(number // CELEB_PER_FOLDER) / f"{number:05d}_{part}.png"
        if not path.exists():
            continue
        mask = (read_levels(path) > 127).astype(np.uint8) * 255
        if mask.shape != region.shape:
            raise DatasetError(f"{path} is {mask.shape[1]}x{mask.shape[0]}, expected 512x512")
        region |= mask
        if part in CELEB_BROWS and mask.any():
            first = int(np.flatnonzero(mask.any(1))[0])
            top = first if top is None else min(top, first)
    region[: top or 0] = 0
    return np.asarray(cv2.resize(region, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
