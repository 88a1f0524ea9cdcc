"""Portraits with mattes on disk, in the folder form of P3M-10k.

    SPLIT/blurred_image/NAME.jpg   or original_image, image     the portrait
    SPLIT/mask/NAME.png            or alpha                     its matte
    SPLIT/facemask/NAME.png                                     where a face was obfuscated (optional)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array

IMAGE_FOLDERS = ("blurred_image", "original_image", "image")
MATTE_FOLDERS = ("mask", "alpha")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True)
class Portrait:
    """One portrait in memory."""

    name: str
    image: UInt8Array
    """RGB (H, W, 3)."""
    alpha: UInt8Array
    """(H, W), 255 is opaque."""
    face_mask: UInt8Array
    """(H, W), 255 where a face was obfuscated; all 0 where nothing is known."""


def read_image(path: Path) -> UInt8Array:
    """Return a picture as uint8 RGB (H, W, 3)."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DatasetError(f"{path} cannot be read as a picture", hint="remove it or its name from the split, or restore the file")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def read_matte(path: Path) -> UInt8Array:
    """Return a matte or mask as uint8 (H, W); of several channels the first, of 16 bits the upper 8."""
    matte = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if matte is None:
        raise DatasetError(f"{path} cannot be read as a matte", hint="remove it or its name from the split, or restore the file")
    if matte.dtype == np.uint16:
        matte = matte >> 8
    # OpenCV stores BGR, so a matte's first channel is the third one here.
    return np.ascontiguousarray(matte if matte.ndim == 2 else matte[..., 2 if matte.shape[2] >= 3 else 0], np.uint8)


class PortraitFolder:
    """One split of a portrait data set.

    Args:
        root: The split's folder.
        images: Which image folder to read; None takes the first of `IMAGE_FOLDERS` that is there.
        names: The names that belong to the split; None takes every image that has a matte.

    Raises:
        DatasetError: A folder is missing, a partner is missing, or nothing is left.
    """

    def __init__(self, root: Path, *, images: str | None = None, names: list[str] | None = None) -> None:
        self.root = root
        self.image_folder = root / images if images else _first_folder(root, IMAGE_FOLDERS)
        self.matte_folder = _first_folder(root, MATTE_FOLDERS)
        if not self.image_folder.is_dir():
            raise DatasetError(f"{self.image_folder} is not a folder", hint=f"one of {', '.join(IMAGE_FOLDERS)} is needed in {root}")
        self._images = {path.stem: path for path in sorted(self.image_folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES}
        mattes = {path.stem for path in self.matte_folder.glob("*.png")}
        self.names = sorted(self._images.keys() & mattes) if names is None else list(names)
        missing = [name for name in self.names if name not in self._images or name not in mattes]
        if missing:
            raise DatasetError(f"{root}: {len(missing)} names lack an image or a matte, the first is {missing[0]}")
        if not self.names:
            raise DatasetError(f"{root} holds no image that has a matte of the same name in {self.matte_folder.name}/")

    def __len__(self) -> int:
        return len(self.names)

    def load(self, name: str) -> Portrait:
        """Read one portrait.

        Raises:
            DatasetError: A file cannot be read, or sizes differ.
        """
        image = read_image(self._images[name])
        alpha = read_matte(self.matte_folder / f"{name}.png")
        face_path = self.root / "facemask" / f"{name}.png"
        face_mask = read_matte(face_path) if face_path.exists() else np.zeros_like(alpha)
        for what, other in (("matte", alpha), ("face mask", face_mask)):
            if other.shape != image.shape[:2]:
                raise DatasetError(f"{name}: the image is {image.shape[1]}x{image.shape[0]}, its {what} {other.shape[1]}x{other.shape[0]}")
        return Portrait(name, image, alpha, face_mask)


def _first_folder(root: Path, candidates: tuple[str, ...]) -> Path:
    """Return the first candidate that is a folder in `root`."""
    for name in candidates:
        if (root / name).is_dir():
            return root / name
    raise DatasetError(f"{root} holds none of the folders {', '.join(candidates)}", hint="point at a split, such as DATA/train")
