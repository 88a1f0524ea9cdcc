"""Where a matting data set keeps its files: the folders of P3M-10k and of the data sets that are laid out like it.

A split is a folder with one folder per kind of file, and files that belong together have one name:

    blurred_image/ facemask_blurred/ original_image/ image/ images/ com/    the images
    mask/ alpha/ matte/ pha/                                                their mattes
    facemask/ face_mask/                                                    where a face was obfuscated (optional)
    fg_blurred/ fg/, bg/                                                    colours of the person and of the background (optional)
    trimap/                                                                 0, 128, 255 (optional)
    human_mask/                                                             the person as a binary mask (optional)

Of several folders of one kind the first in this order is read. P3M-10k has DATA/train and DATA/validation/{P3M-500-P,P3M-500-NP}; other
data sets have DATA/train and DATA/val, or DATA is one split itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from p3mvideo.errors import DatasetError

BLURRED, ORIGINAL = "blurred_image", "original_image"
ORIGINAL_FOLDERS = (ORIGINAL, "image", "images", "com")
IMAGE_FOLDERS = (BLURRED, "facemask_blurred", *ORIGINAL_FOLDERS)
MATTE_FOLDERS = ("mask", "alpha", "matte", "pha")
FACE_FOLDERS = ("facemask", "face_mask")
FOREGROUND_FOLDERS = ("fg_blurred", "fg")
BACKGROUND_FOLDERS = ("bg",)
TRIMAP_FOLDERS = ("trimap",)
HUMAN_MASK_FOLDERS = ("human_mask",)
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def find_folder(root: Path, candidates: Sequence[str]) -> Path | None:
    """Return the first candidate that is a folder in `root`, or None."""
    return next((root / name for name in candidates if (root / name).is_dir()), None)


def is_image(path: Path) -> bool:
    """Return whether a file is named as an image; hidden files are none, such as `._NAME.jpg`, which macOS puts beside NAME.jpg."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def files_by_name(folder: Path | None) -> dict[str, Path]:
    """Return a folder's images by their name without suffix, sorted; of several suffixes the first of `IMAGE_SUFFIXES`. Empty without a folder."""
    if folder is None:
        return {}
    files = [path for path in folder.iterdir() if is_image(path)]
    files.sort(key=lambda path: IMAGE_SUFFIXES.index(path.suffix.lower()), reverse=True)
    found = {path.stem: path for path in files}
    return {name: found[name] for name in sorted(found)}


def is_split(folder: Path) -> bool:
    """Return whether a folder has images and mattes."""
    return find_folder(folder, IMAGE_FOLDERS) is not None and find_folder(folder, MATTE_FOLDERS) is not None


def split_names(data: Path) -> list[str]:
    """Return the names of a data set's splits."""
    candidates = [path for folder in (data, data / "validation") if folder.is_dir() for path in sorted(folder.iterdir())]
    return [path.name for path in candidates if path.is_dir() and is_split(path)]


def split_folder(data: Path, split: str = "") -> Path:
    """Return the folder of a split: DATA/SPLIT, DATA/validation/SPLIT, or DATA itself without a name.

    Raises:
        DatasetError: It is not there.
    """
    if not data.is_dir():
        raise DatasetError(f"{data} is not a folder", hint="Give the data set's folder with --data.")
    for folder in (data / split, data / "validation" / split):
        if split and folder.is_dir():
            return folder
    if split:
        raise DatasetError(f"{data} has no split {split!r}", hint=f"Its splits are {', '.join(split_names(data)) or 'none'}.")
    return data


def training_split(data: Path) -> Path:
    """Return the training split of a data set: `DATA/train`, or DATA itself if it is a split."""
    return data / "train" if (data / "train").is_dir() else data


def validation_splits(data: Path) -> list[Path]:
    """Return the validation splits of a data set: P3M-10k's `DATA/validation/*`, or `DATA/val`; none if there are none."""
    return [path for path in (*sorted((data / "validation").glob("*")), data / "val") if is_split(path)]


def read_split(path: Path) -> list[str]:
    """Return the names in a split file: one a line, with or without a suffix; empty lines and what follows # are skipped.

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
