"""Reads and writes still images.

Images are sRGB on both sides: an embedded colour profile is applied on reading, and none is written.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, TiffImagePlugin, UnidentifiedImageError

from p3mvideo.errors import ConfigError, SinkError, SourceError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.images.flatten import flatten
from p3mvideo.io.images.recognition import START_BYTES, image_format
from p3mvideo.io.orientation import EXIF_ORIENTATIONS, UPRIGHT

logger = logging.getLogger(__name__)

READABLE: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF")
"""Formats as Pillow calls them. MPO is what some phones call a JPEG with a second image inside."""

MAX_PIXELS: Final = 1 << 26
"""The largest image that is read, 67 million pixels, such as 8192x8192. Processing takes about 40 bytes a pixel, so that an image takes 2.7 GB
at most, however few bytes its file has."""

EXIF_ORIENTATION: Final = 0x0112

WRITABLE: Final[dict[str, tuple[int, ...]]] = {
    ".png": (cv2.IMWRITE_PNG_COMPRESSION, 3),
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 95),
    ".jpeg": (cv2.IMWRITE_JPEG_QUALITY, 95),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 95),
    ".bmp": (),
    ".tif": (),
    ".tiff": (),
}
"""Suffixes that can be written, and OpenCV's settings for them."""

DAMAGED: Final = "the image is damaged or incomplete"
ALPHA_SUFFIXES: Final = (".png", ".webp", ".tif", ".tiff")
"""Suffixes of the formats that hold alpha."""
TIFF_SUFFIXES: Final = (".tif", ".tiff")


def decode_image(data: bytes, name: Path | str) -> UInt8Array:
    """Decode an image: turned as its EXIF says, its colour profile applied, laid on white, 8 bits a channel.

    Args:
        data: The file's content, JPEG, PNG, WebP, BMP, TIFF, AVIF or, where pillow-heif is installed, HEIC. Of several images in it the first
            is taken.
        name: What to call it in an error.

    Returns:
        uint8 RGB, (H, W, 3).

    Raises:
        SourceError: If it is no image, damaged, of an unsupported format, or has more than `MAX_PIXELS`.
    """
    formats: tuple[str, ...] = READABLE
    form = image_format(data[:START_BYTES])
    if form == "HEIC":
        _learn_heic(name)
        formats = ("HEIF",)
    with decoding(name):
        try:
            with Image.open(io.BytesIO(data), formats=formats) as image:
                check_pixels(image.size, name)
                if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
                    logger.warning("%s holds %d images, only the first is used", name, image.n_frames)  # type: ignore[attr-defined]
                return to_pixels(image)
        except UnidentifiedImageError as error:
            if form == "TIFF":
                return _decode_by_opencv(data, name, error)
            if form is None:
                raise _no_image(name) from error
            raise SourceError(f"cannot read {name}: it begins as a {form} image, and cannot be decoded", hint=DAMAGED) from error


@contextmanager
def decoding(name: Path | str) -> Iterator[None]:
    """Raise whatever Pillow raises inside as a `SourceError` about the image `name`, chained."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Image.DecompressionBombError as error:
        raise _too_large(name) from error
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, struct.error, LookupError, TypeError, ArithmeticError, RuntimeError) as error:
        # Pillow raises all of them, depending on the kind of damage.
        raise SourceError(f"cannot read {name}: {error or type(error).__name__}", hint=DAMAGED) from error


def check_pixels(size: tuple[int, int], name: Path | str) -> None:
    """Make sure, before anything is decoded, that an image is not too large.

    Raises:
        SourceError: If its width times its height is over `MAX_PIXELS`.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise _too_large(name, f" ({size[0]}x{size[1]})")


def to_pixels(image: Image.Image) -> UInt8Array:
    """Return an opened image as uint8 RGB (H, W, 3): turned as its EXIF says, its colour profile applied, laid on white."""
    image.load()  # Pillow turns TIFF images by itself, and then forgets their orientation
    orientation = EXIF_ORIENTATIONS.get(image.getexif().get(EXIF_ORIENTATION, 1), UPRIGHT)
    return orientation.apply(_to_rgb(image))


def encode_image(pixels: UInt8Array, path: Path) -> bytes:
    """Encode an image in the format of the suffix of `path`, with little loss or none, as sRGB without a profile.

    Args:
        pixels: uint8 straight RGBA or RGB, (H, W, 3|4).

    Raises:
        SinkError: If the format cannot hold it.
    """
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES and pixels.shape[2] == 4:  # OpenCV does not write that the fourth channel is straight alpha
        written = io.BytesIO()
        Image.fromarray(pixels, "RGBA").save(written, "TIFF", compression="tiff_lzw")
        return written.getvalue()
    code = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    try:
        done, data = cv2.imencode(suffix, cv2.cvtColor(pixels, code), list(WRITABLE[suffix]))
    except cv2.error as error:
        raise SinkError(f"cannot write {path}: {error.err}", hint="try .png") from error
    if not done:
        raise SinkError(f"cannot write {path}: an image of {pixels.shape[1]}x{pixels.shape[0]} does not fit", hint="try .png")
    return data.tobytes()


def check_image_suffix(path: Path, *, alpha: bool) -> None:
    """Make sure that images can be written under this name.

    Raises:
        ConfigError: If there is no such format, or it cannot hold alpha.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITABLE:
        raise ConfigError(f"{path.name} does not name an image by its suffix", hint=f"use one of {', '.join(WRITABLE)}")
    if alpha and suffix not in ALPHA_SUFFIXES:
        raise ConfigError(f"{suffix} images cannot hold alpha", hint=f"use one of {', '.join(ALPHA_SUFFIXES)}")


def _too_large(name: Path | str, size: str = "") -> SourceError:
    return SourceError(f"{name}{size} has more than {MAX_PIXELS // 1_000_000} million pixels", hint="make it smaller first")


def _no_image(name: Path | str) -> SourceError:
    return SourceError(f"cannot read {name}: it is not an image", hint="supported are JPEG, PNG, WebP, AVIF, HEIC, BMP and TIFF")


def _learn_heic(name: Path | str) -> None:
    """Teach Pillow to read HEIC."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        hint = "pip install 'p3mvideo[heic]', or convert it to JPEG, PNG or AVIF first"
        raise SourceError(f"cannot read {name}: it is a HEIC image, which takes pillow-heif", hint=hint) from error
    register_heif_opener()


def _to_rgb(image: Image.Image) -> UInt8Array:
    if image.mode.startswith(("I", "F")):  # one channel of more than 8 bits
        return _grey_to_rgb(np.asarray(image))
    if image.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        image = _with_icc(image, image.convert("RGBA"))
    if image.mode == "RGBA":
        return flatten(np.array(_srgb(image)))
    return np.array(_srgb(image).convert("RGB"))


def _with_icc(original: Image.Image, converted: Image.Image) -> Image.Image:
    converted.info["icc_profile"] = original.info.get("icc_profile")
    return converted


def _srgb(image: Image.Image) -> Image.Image:
    """Return the image in sRGB, by its profile if it has one."""
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    try:
        colours = image.convert("RGB") if alpha is not None else image
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        logger.warning("the colour profile of an image could not be applied (%s); it is shown as sRGB", error)
        return image
    assert converted is not None
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _grey_to_rgb(pixels: npt.NDArray[np.generic]) -> UInt8Array:
    """Bring one channel of 16 or 32 bits, or of floats in 0..1, to RGB of 8 bits."""
    # Pillow has 16-bit images in 32-bit integers too.
    values = np.clip(pixels, 0, 1) * 255 if pixels.dtype.kind == "f" else np.clip(pixels, 0, 65535) / 257
    return cast(UInt8Array, np.repeat(np.round(values).astype(np.uint8)[..., None], 3, axis=2))


def _decode_by_opencv(data: bytes, name: Path | str, cause: Exception) -> UInt8Array:
    """Decode TIFF images that Pillow does not know, such as those with three channels of 16 bits."""
    error = _no_image(name)
    try:
        size = _tiff_size(data)
    except (LookupError, ValueError, TypeError, SyntaxError, OSError, struct.error):
        raise error from cause
    check_pixels(size, name)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_ANYDEPTH)
    if pixels is None or pixels.ndim != 3 or pixels.dtype not in (np.uint8, np.uint16):
        raise error from cause
    if pixels.dtype == np.uint16:
        pixels = np.round(pixels / 257).astype(np.uint8)
    if pixels.shape[2] == 4:
        return flatten(cast(UInt8Array, cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)))
    return cast(UInt8Array, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _tiff_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) by the first directory of a TIFF file."""
    directory = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    stream = io.BytesIO(data)
    stream.seek(directory.next)
    directory.load(stream)
    return int(directory[TiffImagePlugin.IMAGEWIDTH]), int(directory[TiffImagePlugin.IMAGELENGTH])
