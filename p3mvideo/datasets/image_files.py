"""Reads and writes the pictures and mattes of data sets."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
JPEG_QUALITY = 95


def read_image(path: Path) -> UInt8Array:
    """Return a picture as uint8 RGB (H, W, 3).

    Raises:
        DatasetError: It is missing or damaged.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DatasetError(f"{path} cannot be read as a picture", hint="remove it or its name from the split, or restore the file")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def read_matte(path: Path) -> UInt8Array:
    """Return a matte or mask as uint8 (H, W); of several channels the first, of 16 bits the upper 8.

    Raises:
        DatasetError: It is missing or damaged.
    """
    matte = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if matte is None:
        raise DatasetError(f"{path} cannot be read as a matte", hint="remove it or its name from the split, or restore the file")
    if matte.dtype == np.uint16:
        matte = matte >> 8
    # OpenCV stores BGR, so a matte's first channel is the third one here.
    return np.ascontiguousarray(matte if matte.ndim == 2 else matte[..., 2 if matte.shape[2] >= 3 else 0], np.uint8)


def write_image(path: Path, image: UInt8Array) -> None:
    """Write uint8 RGB (H, W, 3), or grey (H, W), as the file's ending says; JPEG with colours at full resolution.

    Under its final name the file is always complete.

    Raises:
        DatasetError: It cannot be written.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(path.suffix, pixels, options if path.suffix in (".jpg", ".jpeg") else [])
    write_bytes(path, content.tobytes())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step.

    Raises:
        DatasetError: It cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DatasetError(f"cannot write {path}: {error.strerror or error}", hint="check the folder's rights and the free space") from error


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie in a folder itself, sorted by name.

    Raises:
        DatasetError: There are none.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise DatasetError(f"{folder} holds no pictures", hint=f"expected files that end in {', '.join(IMAGE_SUFFIXES)}")
    return paths
