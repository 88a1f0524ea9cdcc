"""Reads and writes the images, mattes and masks of data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.datasets.layout import IMAGE_SUFFIXES, is_image
from p3mvideo.errors import DatasetError
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.frame import Float32Array, UInt8Array

JPEG_QUALITY = 95
GREY_TOLERANCE = 8
"""By how much the channels of a grey mask may differ (of 255): JPEG makes small differences, a palette or an image large ones."""


def read_image(path: Path, *, size: tuple[int, int] | None = None) -> UInt8Array:
    """Return an image as uint8 RGB (H, W, 3): grey is widened, transparency dropped, 16 bits brought to 8.

    Args:
        path: The file.
        size: (width, height) of its matte. An orientation tag is followed, unless the image has that size only as it is stored:
            mattes may have been drawn by programs that do not know the tag.

    Raises:
        DatasetError: The file cannot be read.
    """
    content = _content(path)
    image: npt.NDArray[Any] | None = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image is not None and size is not None and image.shape[1::-1] != size:
        stored = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        image = stored if stored is not None and stored.shape[1::-1] == size else image
    if image is None:
        raise DatasetError(f"{path} is not an image that can be read ({content.size} bytes)", hint="Restore the file or remove it.")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def read_alpha(path: Path) -> Float32Array:
    """Return a matte as float32 (H, W) in [0, 1]; 8 or 16 bits, grey, or three or four channels of which the first is taken.

    Raises:
        DatasetError: The file cannot be read, or is coloured.
    """
    mask = _read_mask(path)
    return mask.astype(np.float32) / np.float32(np.iinfo(mask.dtype).max)


def read_levels(path: Path) -> UInt8Array:
    """Return a trimap or a binary mask as uint8 (H, W), of 16 bits the upper 8.

    Raises:
        DatasetError: The file cannot be read, or is coloured.
    """
    mask = _read_mask(path)
    return np.asarray(mask >> 8 if mask.dtype == np.uint16 else mask, np.uint8)


def write_image(path: Path, image: UInt8Array) -> None:
    """Write uint8 RGB (H, W, 3), or grey (H, W), as the file's ending says; JPEG with colours at full resolution.

    Under its final name the file is always complete.

    Raises:
        DatasetError: It cannot be written.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    try:
        _, content = cv2.imencode(path.suffix, pixels, options if path.suffix in (".jpg", ".jpeg") else [])
    except cv2.error as error:
        raise DatasetError(f"cannot write {path}: there are no images that end in {path.suffix!r}", hint="use .png or .jpg") from error
    write_bytes(path, content.tobytes())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step.

    Raises:
        DatasetError: It cannot be written.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise DatasetError(f"cannot write {path}: {error.strerror or error}", hint="check the folder's rights and the free space") from error


def make_folders(target: Path, *names: str) -> None:
    """Make folders of these names in a folder, and that itself, unless they are there.

    Raises:
        DatasetError: One cannot be made.
    """
    try:
        for folder in (target, *(target / name for name in names)):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"cannot make the folder {target}: {error.strerror or error}", hint="check the path and its rights") from error


def images_in(folder: Path) -> list[Path]:
    """Return the images that lie in a folder itself, sorted by name.

    Raises:
        DatasetError: There are none.
    """
    paths = sorted(path for path in folder.iterdir() if is_image(path)) if folder.is_dir() else []
    if not paths:
        raise DatasetError(f"{folder} holds no images", hint=f"expected files that end in {', '.join(IMAGE_SUFFIXES)}")
    return paths


def _read_mask(path: Path) -> npt.NDArray[np.unsignedinteger[Any]]:
    content = _content(path)
    mask: npt.NDArray[Any] | None = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if mask is None:
        raise DatasetError(f"{path} is not a mask that can be read ({content.size} bytes)", hint="Restore the file or remove it.")
    if mask.dtype not in (np.uint8, np.uint16):
        raise DatasetError(f"{path} has values of type {mask.dtype}, expected 8 or 16 bits", hint="Store it as a grey PNG.")
    if mask.ndim == 2:
        return mask
    if mask.shape[2] == 2:  # grey with transparency
        return np.ascontiguousarray(mask[..., 0])
    colours = mask[..., :3].astype(np.int32)
    spread = int((colours.max(2) - colours.min(2)).max())
    if spread > GREY_TOLERANCE * (257 if mask.dtype == np.uint16 else 1):
        raise DatasetError(
            f"{path} is coloured (its channels differ by up to {spread}), so it is no mask", hint="Store it as grey, without a palette."
        )
    return np.ascontiguousarray(mask[..., 2])  # OpenCV stores blue first


def _content(path: Path) -> UInt8Array:
    try:
        return np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}") from error
