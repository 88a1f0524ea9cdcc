"""Finds the pictures of a benchmark and what belongs to each, by name.

A split is a folder with one folder per kind of file:

    blurred_image/ original_image/ image/    the pictures; P3M-500-P has the first, P3M-500-NP the second, others the third
    mask/ alpha/                             the true mattes
    trimap/                                  0, 128, 255 (optional)
    facemask/                                where a face was blurred (optional)
    human_mask/                              the person as a binary mask; IoU is taken against it (optional)

It lies at DATA/SPLIT or, as in P3M-10k, at DATA/validation/SPLIT; RealWorldPortrait-636 and other pairs of folders are DATA itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from p3mvideo.datasets.benchmark_images import read_alpha, read_image, read_levels
from p3mvideo.errors import DatasetError
from p3mvideo.frame import Float32Array, UInt8Array

BLURRED, ORIGINAL = "blurred_image", "original_image"
IMAGE_FOLDERS = (BLURRED, ORIGINAL, "image", "images", "com")
ALPHA_FOLDERS = ("mask", "alpha", "matte", "pha")
TRIMAP_FOLDERS = ("trimap",)
FACE_MASK_FOLDERS = ("facemask", "face_mask")
HUMAN_MASK_FOLDERS = ("human_mask",)
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Portrait:
    """One picture of a benchmark, in memory."""

    image: UInt8Array
    """RGB (H, W, 3)."""
    alpha: Float32Array
    """In [0, 1], (H, W)."""
    trimap: UInt8Array | None
    """(H, W): 0 background, 128 transition, 255 foreground."""
    face_mask: UInt8Array | None
    """(H, W), above 127 where a face is."""
    human_mask: UInt8Array | None
    """(H, W), above 127 where the person is."""


@dataclass(frozen=True)
class Entry:
    """The files of one picture."""

    name: str
    """File name without its ending."""
    image: Path
    alpha: Path | None
    """None if it is missing."""
    trimap: Path | None
    face_mask: Path | None
    human_mask: Path | None

    def load(self) -> Portrait:
        """Read everything.

        Raises:
            DatasetError: The matte is missing, a file cannot be read, or sizes differ.
        """
        if self.alpha is None:
            raise DatasetError(f"{self.name}: there is no matte for {self.image}", hint="Add the matte or remove the picture.")
        alpha = read_alpha(self.alpha)
        image = read_image(self.image, size=alpha.shape[::-1])
        trimap, face_mask, human_mask = (
            None if path is None else read_levels(path) for path in (self.trimap, self.face_mask, self.human_mask)
        )
        for path, part in (
            (self.alpha, alpha), (self.trimap, trimap), (self.face_mask, face_mask), (self.human_mask, human_mask)
        ):  # fmt: skip
            if part is not None and part.shape != image.shape[:2]:
                raise DatasetError(
                    f"{self.name}: the picture is {image.shape[1]}x{image.shape[0]}, but {path} is {part.shape[1]}x{part.shape[0]}",
                    hint="Both must have one size.",
                )
        return Portrait(image, alpha, trimap, face_mask, human_mask)


def split_folder(data: Path, split: str = "") -> Path:
    """Return the folder of a split.

    Raises:
        DatasetError: It is not there.
    """
    if not data.is_dir():
        raise DatasetError(f"{data} is not a folder", hint="Give the data set's folder with --data.")
    for folder in (data / split, data / "validation" / split):
        if split and folder.is_dir():
            return folder
    if split:
        raise DatasetError(f"{data} has no split {split!r}", hint=f"Its splits are {', '.join(_splits(data)) or 'none'}.")
    return data


def find_entries(folder: Path, images: str = "", *, names: Sequence[str] = ()) -> list[Entry]:
    """Return the pictures of a split in the order of their names. Those without a matte are among them.

    Args:
        folder: The split's folder.
        images: Which folder of pictures to take; the first of `IMAGE_FOLDERS` that is there if empty.
        names: Patterns such as `hs_*`; only pictures whose name fits one of them. All if empty.

    Raises:
        DatasetError: There is no folder of pictures or of mattes, or nothing is left.
    """
    image_folder = _kind(folder, (images,) if images else IMAGE_FOLDERS)
    alpha_folder = _kind(folder, ALPHA_FOLDERS)
    for kind, found, candidates in (("pictures", image_folder, IMAGE_FOLDERS), ("mattes", alpha_folder, ALPHA_FOLDERS)):
        if found is None:
            wanted = images if kind == "pictures" and images else f"{', '.join(candidates[:-1])} or {candidates[-1]}"
            splits = _splits(folder)
            hint = f"Choose one of its splits with --split: {', '.join(splits)}." if splits else "Check --data and --split."
            raise DatasetError(f"{folder} has no folder of {kind}: expected {wanted}", hint=hint)
    pictures = _by_name(image_folder)
    others = [_by_name(_kind(folder, kinds)) for kinds in (ALPHA_FOLDERS, TRIMAP_FOLDERS, FACE_MASK_FOLDERS, HUMAN_MASK_FOLDERS)]
    chosen = [name for name in sorted(pictures) if not names or any(fnmatch(name, pattern) for pattern in names)]
    if not chosen:
        which = f" whose name fits {', '.join(names)}" if names else ""
        raise DatasetError(f"{image_folder} holds no picture{which}", hint=f"Pictures end in {', '.join(SUFFIXES)}.")
    return [Entry(name, pictures[name], *(kind.get(name) for kind in others)) for name in chosen]


def _kind(folder: Path, candidates: Sequence[str]) -> Path | None:
    return next((folder / name for name in candidates if (folder / name).is_dir()), None)


def _by_name(folder: Path | None) -> dict[str, Path]:
    """Return the pictures of a folder by name; of several endings the first of `SUFFIXES`."""
    if folder is None:
        return {}
    files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    files.sort(key=lambda path: SUFFIXES.index(path.suffix.lower()), reverse=True)
    return {path.stem: path for path in files}


def _splits(data: Path) -> list[str]:
    """Return the names of the folders that look like splits."""
    candidates = [path for folder in (data, data / "validation") if folder.is_dir() for path in sorted(folder.iterdir())]
    return [path.name for path in candidates if path.is_dir() and _kind(path, IMAGE_FOLDERS) and _kind(path, ALPHA_FOLDERS)]
