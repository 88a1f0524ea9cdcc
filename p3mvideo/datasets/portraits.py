"""Portraits with mattes on disk, in the folder form of P3M-10k.

    SPLIT/blurred_image/NAME.jpg   or facemask_blurred, original_image, image    the portrait
    SPLIT/mask/NAME.png            or alpha                                      its matte
    SPLIT/facemask/NAME.png                                                      where a face was obfuscated (optional)
    SPLIT/fg_blurred/NAME.png      or fg                                         the person's own colours (optional)
    SPLIT/bg/NAME.jpg                                                            the background's colours (optional)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from p3mvideo.datasets.image_files import IMAGE_SUFFIXES, read_image, read_matte
from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array

IMAGE_FOLDERS = ("blurred_image", "facemask_blurred", "original_image", "image")
MATTE_FOLDERS = ("mask", "alpha")
FACE_FOLDERS = ("facemask",)
FOREGROUND_FOLDERS = ("fg_blurred", "fg")
BACKGROUND_FOLDERS = ("bg",)


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
        names: The names that belong to the split; None takes every image that has a matte.
        layers: Whether foreground and background colours are needed; the published composition loss does.

    Raises:
        DatasetError: A folder is missing, a partner is missing, or nothing is left.
    """

    def __init__(self, root: Path, *, images: str | None = None, names: Sequence[str] | None = None, layers: bool = False) -> None:
        self.root = root
        if not root.is_dir():
            raise DatasetError(f"{root} is not a folder", hint="point at a split, such as DATA/train")
        image_folder = root / images if images else find_folder(root, IMAGE_FOLDERS)
        matte_folder = find_folder(root, MATTE_FOLDERS)
        if image_folder is None or matte_folder is None or not image_folder.is_dir():
            wanted = MATTE_FOLDERS if matte_folder is None else (images,) if images else IMAGE_FOLDERS
            raise DatasetError(f"{root} has no folder {' or '.join(wanted)}", hint="point at a split, such as DATA/train")
        self.image_folder, self.matte_folder = image_folder, matte_folder
        self._images, self._mattes = files_by_name(image_folder), files_by_name(matte_folder)
        self._faces = files_by_name(find_folder(root, FACE_FOLDERS))
        self._foregrounds, self._backgrounds = _layer_files(root) if layers else ({}, {})
        self.names = sorted(self._images.keys() & self._mattes.keys()) if names is None else list(names)
        self._check(layers)

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
            DatasetError: A file cannot be read, or sizes differ.
        """
        image, alpha = read_image(self._images[name]), read_matte(self._mattes[name])
        face_mask = read_matte(self._faces[name]) if name in self._faces else np.zeros_like(alpha)
        foreground = read_image(self._foregrounds[name]) if name in self._foregrounds else None
        background = read_image(self._backgrounds[name]) if name in self._backgrounds else None
        others = {"matte": alpha, "face mask": face_mask, "foreground": foreground, "background": background}
        for what, other in others.items():
            if other is not None and other.shape[:2] != image.shape[:2]:
                raise DatasetError(
                    f"{name}: the image is {image.shape[1]}x{image.shape[0]}, its {what} {other.shape[1]}x{other.shape[0]}",
                    hint="they must show the same picture at the same size",
                )
        return Portrait(name, image, alpha, face_mask, foreground, background)


def training_split(data: Path) -> Path:
    """Return the training split of a data set: `DATA/train`, or DATA itself if it is a split."""
    return data / "train" if (data / "train").is_dir() else data


def validation_splits(data: Path) -> list[Path]:
    """Return the validation splits of a data set: P3M-10k's `DATA/validation/*`, or `DATA/val`; none if there are none."""
    candidates = [*sorted((data / "validation").glob("*")), data / "val"]
    return [path for path in candidates if find_folder(path, IMAGE_FOLDERS) and find_folder(path, MATTE_FOLDERS)]


def read_split(path: Path) -> list[str]:
    """Return the names in a split file: one a line, with or without an ending; empty lines and what follows # are skipped.

    Raises:
        DatasetError: It cannot be read, names nothing, or names something twice.
    """
    try:
        lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read the split {path}: {error}", hint="a split is a text file with one name a line") from error
    names = [Path(line).stem if Path(line).suffix.lower() in IMAGE_SUFFIXES else line for line in lines if line]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if not names or twice:
        raise DatasetError(f"the split {path} names {f'{twice[0]} twice' if twice else 'nothing'}", hint="one name a line, each once")
    return names


def find_folder(root: Path, candidates: Sequence[str]) -> Path | None:
    """Return the first candidate that is a folder in `root`, or None."""
    return next((root / name for name in candidates if (root / name).is_dir()), None)


def files_by_name(folder: Path | None) -> dict[str, Path]:
    """Return a folder's pictures by their name without ending; empty without a folder."""
    return {} if folder is None else {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES}


def _layer_files(root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    return files_by_name(find_folder(root, FOREGROUND_FOLDERS)), files_by_name(find_folder(root, BACKGROUND_FOLDERS))
