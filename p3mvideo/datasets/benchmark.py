"""The images of a benchmark split and what belongs to each, as evaluation needs them: mattes in full depth, trimaps, masks of the person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from p3mvideo.datasets.image_files import read_alpha, read_image, read_levels
from p3mvideo.datasets.layout import (
    FACE_FOLDERS,
    HUMAN_MASK_FOLDERS,
    IMAGE_FOLDERS,
    IMAGE_SUFFIXES,
    MATTE_FOLDERS,
    TRIMAP_FOLDERS,
    files_by_name,
    find_folder,
    split_names,
)
from p3mvideo.errors import DatasetError
from p3mvideo.frame import Float32Array, UInt8Array


@dataclass(frozen=True)
class BenchmarkImage:
    """One image of a benchmark and what belongs to it, in memory."""

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
    """The files of one image."""

    name: str
    """File name without its ending."""
    image: Path
    alpha: Path | None
    """None if it is missing."""
    trimap: Path | None
    face_mask: Path | None
    human_mask: Path | None

    def load(self) -> BenchmarkImage:
        """Read everything.

        Raises:
            DatasetError: The matte is missing, a file cannot be read, or sizes differ.
        """
        if self.alpha is None:
            raise DatasetError(f"{self.name}: there is no matte for {self.image}", hint="Add the matte or remove the image.")
        alpha = read_alpha(self.alpha)
        image = read_image(self.image, size=alpha.shape[::-1])
        trimap, face_mask, human_mask = (None if path is None else read_levels(path) for path in (self.trimap, self.face_mask, self.human_mask))
        for path, part in (
            (self.alpha, alpha), (self.trimap, trimap), (self.face_mask, face_mask), (self.human_mask, human_mask)
        ):  # fmt: skip
            if part is not None and part.shape != image.shape[:2]:
                raise DatasetError(
                    f"{self.name}: the image is {image.shape[1]}x{image.shape[0]}, but {path} is {part.shape[1]}x{part.shape[0]}",
                    hint="Both must have one size.",
                )
        return BenchmarkImage(image, alpha, trimap, face_mask, human_mask)


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name fits one of some patterns such as `hs_*`; any does if there are none."""
    return not patterns or any(fnmatch(name, pattern) for pattern in patterns)


def which_fit(patterns: Sequence[str]) -> str:
    """Return the end of a sentence that says what was looked for."""
    return f" whose name fits {', '.join(patterns)}" if patterns else ""


def find_entries(folder: Path, images: str = "", *, names: Sequence[str] = ()) -> list[Entry]:
    """Return the images of a split in the order of their names. Those without a matte are among them.

    Args:
        folder: The split's folder.
        images: Which folder of images to take; the first of `IMAGE_FOLDERS` that is there if empty.
        names: Patterns such as `hs_*`; only images whose name fits one of them. All if empty.

    Raises:
        DatasetError: There is no folder of images or of mattes, or nothing is left.
    """
    image_folder = find_folder(folder, (images,) if images else IMAGE_FOLDERS)
    alpha_folder = find_folder(folder, MATTE_FOLDERS)
    for kind, found, candidates in (("images", image_folder, IMAGE_FOLDERS), ("mattes", alpha_folder, MATTE_FOLDERS)):
        if found is None:
            wanted = images if kind == "images" and images else f"{', '.join(candidates[:-1])} or {candidates[-1]}"
            splits = split_names(folder)
            hint = f"Choose one of its splits with --split: {', '.join(splits)}." if splits else "Check --data and --split."
            raise DatasetError(f"{folder} has no folder of {kind}: expected {wanted}", hint=hint)
    found_images = files_by_name(image_folder)
    others = [files_by_name(find_folder(folder, kinds)) for kinds in (MATTE_FOLDERS, TRIMAP_FOLDERS, FACE_FOLDERS, HUMAN_MASK_FOLDERS)]
    chosen = [name for name in found_images if fits(name, names)]
    if not chosen:
        raise DatasetError(f"{image_folder} holds no image{which_fit(names)}", hint=f"Images end in {', '.join(IMAGE_SUFFIXES)}.")
    return [Entry(name, found_images[name], *(kind.get(name) for kind in others)) for name in chosen]
