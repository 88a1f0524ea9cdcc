"""Reads and writes image files with OpenCV, and gives it text to draw, whatever the names and the text hold.

OpenCV's own functions end the process where a name or a text is not valid Unicode, as file names of other times and systems are not.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.frame import UInt8Array


def read_image_file(path: Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray | None:
    """Return an image as OpenCV decodes it, uint8 or uint16, BGR (H, W, 3) by default; None if it is missing, not readable or damaged."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError:
        return None
    decoded: np.ndarray | None = cv2.imdecode(data, flags) if data.size else None
    return decoded


def write_image_file(path: Path, image: UInt8Array, settings: tuple[int, ...] = ()) -> None:
    """Write an image in one step, BGR (H, W, 3), BGRA or grey, in the format of the file's suffix.

    Args:
        path: The file; what was there is replaced.
        image: The pixels.
        settings: OpenCV's settings for the format, such as `(cv2.IMWRITE_JPEG_QUALITY, 95)`.

    Raises:
        OSError: It cannot be written, or the format cannot hold it.
    """
    try:
        done, data = cv2.imencode(path.suffix, image, list(settings))
    except cv2.error as error:
        raise OSError(f"{path.suffix} cannot hold it: {error.err}") from error
    if not done:
        raise OSError(f"{path.suffix} cannot hold it")
    write_atomically(path, data.tobytes())


def drawable(text: str) -> str:
    """Return a text that OpenCV can draw: its fonts have ASCII only."""
    return text.encode("ascii", "replace").decode("ascii")
