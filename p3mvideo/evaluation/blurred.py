"""Makes the blurred partner of each image that has none, for the privacy-preserving protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.datasets.benchmark import Entry
from p3mvideo.datasets.image_files import read_alpha, read_image, read_levels
from p3mvideo.errors import DatasetError, SinkError
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.opencv import write_image_file

DETECTION_CONFIDENCE = 0.4
"""Rather a face too many than one too few."""


def blur_originals(
    entries: Sequence[Entry], folder: Path, *, again: bool = False, advance: Callable[[], None] = lambda: None
) -> tuple[list[Entry], list[Entry], list[str]]:
    """Blur the faces of images as P3M-10k does: from brow line to chin, less the matte's transition area.

    Args:
        entries: Images with faces as they are.
        folder: Where blurred images and face masks are written.
        again: Whether to make those again that are there.
        advance: Called after each image.

    Returns:
        The same images as they are and blurred, both with the face mask, without those in which no face was found; and their names.

    Raises:
        SinkError: The folder cannot be written.
        WeightsError: The face detection models are missing.
    """
    # Imported here: scoring itself runs where MediaPipe is not installed.
    from p3mvideo.privacy.cover.smear import obfuscate
    from p3mvideo.privacy.detect.detector import FaceDetector
    from p3mvideo.privacy.region import face_region_mask

    originals, blurred, without_face = [], [], []
    with FaceDetector(confidence=DETECTION_CONFIDENCE) as detector:
        for entry in entries:
            blurred_path, mask_path = folder / "blurred_image" / f"{entry.name}.png", folder / "facemask" / f"{entry.name}.png"
            try:
                alpha = None if entry.alpha is None else read_alpha(entry.alpha)
                if alpha is not None and (again or not mask_path.exists()):
                    image = read_image(entry.image, size=alpha.shape[::-1])
                    faces = detector(image, min_face_px=max(20, max(image.shape) // 24))
                    same_size = image.shape[:2] == alpha.shape
                    mask = face_region_mask(image, faces, alpha=np.round(alpha * 255).astype(np.uint8) if same_size else None)
                    _write(blurred_path, cv2.cvtColor(obfuscate(image, mask), cv2.COLOR_RGB2BGR))
                    _write(mask_path, mask)
            except DatasetError:
                alpha = None
            advance()
            if alpha is None:  # scoring it says what is wrong with it
                originals.append(entry)
            elif read_levels(mask_path).any():
                originals.append(replace(entry, face_mask=mask_path))
                blurred.append(replace(entry, image=blurred_path, face_mask=mask_path))
            else:
                without_face.append(entry.name)
    return originals, blurred, without_face


def _write(path: Path, image: UInt8Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_image_file(path, image)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror or error}", hint="Choose another --output.") from error
