"""The portraits of one split, as training needs them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from p3mvideo.datasets.image_files import read_image, read_levels
from p3mvideo.datasets.layout import (
    BACKGROUND_FOLDERS,
    FACE_FOLDERS,
    FOREGROUND_FOLDERS,
    IMAGE_FOLDERS,
    MATTE_FOLDERS,
    ORIGINAL,
    files_by_name,
    find_folder,
)
from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array

logger = logging.getLogger(__name__)


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
    foreground: UInt8Array | None = None
    """The person's own colours, RGB (H, W, 3); None unless asked for."""
    background: UInt8Array | None = None
    """The background's colours, RGB (H, W, 3); None unless asked for."""


class PortraitFolder:
    """One split of a portrait data set.

    Args:
        root: The split's folder.
        images: Which image folder to read; None takes the first of `IMAGE_FOLDERS` that is there.
        mattes: Which folder of mattes to read; None takes the first of `MATTE_FOLDERS` that is there.
        names: The names that belong to the split; None takes every image that has a matte.
        layers: Whether foreground and background colours are needed; the published composition loss does.

    Raises:
        DatasetError: A folder is missing, a partner is missing, or nothing is left.
    """

    def __init__(
        self, root: Path, *, images: str | None = None, mattes: str | None = None, names: Sequence[str] | None = None, layers: bool = False
    ) -> None:
        self.root = root
        if not root.is_dir():
            raise DatasetError(f"{root} is not a folder", hint="point at a split, such as DATA/train")
        image_folder = root / images if images else find_folder(root, IMAGE_FOLDERS)
        matte_folders = (mattes,) if mattes else MATTE_FOLDERS
        matte_folder = find_folder(root, matte_folders)
        if image_folder is None or matte_folder is None or not image_folder.is_dir():
            wanted = matte_folders if matte_folder is None else (images,) if images else IMAGE_FOLDERS
            raise DatasetError(f"{root} has no folder {' or '.join(wanted)}", hint="point at a split, such as DATA/train")
        self.image_folder, self.matte_folder = image_folder, matte_folder
        self._images, self._mattes = files_by_name(image_folder), files_by_name(matte_folder)
        self._faces = files_by_name(find_folder(root, FACE_FOLDERS))
        self._foregrounds, self._backgrounds = _layer_files(root) if layers else ({}, {})
        self.names = sorted(self._images.keys() & self._mattes.keys()) if names is None else list(names)
        self._check(layers)

    def warn_of_faces(self) -> None:
        """Tell the user if the faces of the images are not obfuscated. What learns from them learns from faces."""
        if self.image_folder.name == ORIGINAL:
            logger.warning("the faces in %s are not obfuscated: `p3mvideo dataset anonymize` makes a set whose faces are", self.image_folder)

    def _check(self, layers: bool) -> None:
        parts = {"image": self._images, "matte": self._mattes}
        if layers:
            parts |= {"foreground": self._foregrounds, "background": self._backgrounds}
        for what, files in parts.items():
            missing = [name for name in self.names if name not in files]
            if missing:
                hint = "make them with `p3mvideo dataset foregrounds`" if "ground" in what else "`p3mvideo dataset check` lists them all"
                raise DatasetError(f"{self.root}: {len(missing)} of {len(self.names)} names have no {what}, first {missing[0]}", hint=hint)
        if not self.names:
            raise DatasetError(f"{self.root} holds no image that has a matte of the same name in {self.matte_folder.name}/")

    def __len__(self) -> int:
        return len(self.names)

    def load(self, name: str) -> Portrait:
        """Read one portrait.

        Raises:
            DatasetError: A file cannot be read, a mask is coloured, or sizes differ.
        """
        alpha = read_levels(self._mattes[name])
        image = read_image(self._images[name], size=alpha.shape[::-1])
        face_mask = read_levels(self._faces[name]) if name in self._faces else np.zeros_like(alpha)
        foreground = read_image(self._foregrounds[name]) if name in self._foregrounds else None
        background = read_image(self._backgrounds[name]) if name in self._backgrounds else None
        others = {"matte": alpha, "face mask": face_mask, "foreground": foreground, "background": background}
        for what, other in others.items():
            if other is not None and other.shape[:2] != image.shape[:2]:
                raise DatasetError(
                    f"{name}: the image is {image.shape[1]}x{image.shape[0]}, its {what} {other.shape[1]}x{other.shape[0]}",
                    hint="they must show the same image at the same size",
                )
        return Portrait(name, image, alpha, face_mask, foreground, background)


def _layer_files(root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    return files_by_name(find_folder(root, FOREGROUND_FOLDERS)), files_by_name(find_folder(root, BACKGROUND_FOLDERS))
