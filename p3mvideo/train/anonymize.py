"""Makes a face-obfuscated data set from ordinary portraits, by P3M-10k's own construction (arXiv 2104.14222, section 3.1).

Of each face the region from brow line to chin, less the matte's transition area (so that hair and edges stay as they are), is blurred
past recognition. The region is kept as `facemask/NAME.png`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.train.portraits import PortraitFolder

JPEG_QUALITY = 95
DONOR_MARGIN = 0.25
"""How much around a donor face is kept, in sides of its mask: rotated and stretched pastes reach beyond it."""


@dataclass(frozen=True)
class AnonymizedCount:
    """What `anonymize_portraits` did."""

    images: int
    faces: int
    without_face: tuple[str, ...]
    """Names of the images in which no face was found; they are copied as they are only if `keep_without_face` said so."""
    donors: int


def anonymize_portraits(
    source: Path,
    target: Path,
    *,
    donors: Iterable[str] = (),
    keep_without_face: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> AnonymizedCount:
    """Write `target/{blurred_image,mask,facemask}` from a split of unobfuscated portraits.

    Args:
        source: The split's folder, see `p3mvideo.train.portraits`.
        target: Where to write; what is there already is not done again.
        donors: Names of portraits whose faces may serve as donor faces for copy-and-paste: they are cut out, unobfuscated, to
            `target/faces/{image,mask}`.
        keep_without_face: Whether images in which no face is found belong to the new set (people seen from behind do).
        progress: Called with the number of images done and of all.

    Raises:
        DatasetError: The source is incomplete.
        WeightsError: The face detection models are missing.
    """
    # Imported here: training itself runs where MediaPipe is not installed.
    from p3mvideo.privacy.cover import obfuscate
    from p3mvideo.privacy.detector import FaceDetector
    from p3mvideo.privacy.region import face_region_mask

    folder = PortraitFolder(source)
    donor_names = set(donors)
    for name in ("blurred_image", "mask", "facemask", "faces/image", "faces/mask"):
        (target / name).mkdir(parents=True, exist_ok=True)
    faces, without_face, donor_count = 0, [], 0
    with FaceDetector(confidence=0.4) as detector:
        for done, name in enumerate(folder.names, start=1):
            portrait = folder.load(name)
            detections = detector(portrait.image, min_face_px=max(20, max(portrait.alpha.shape) // 24))
            mask = face_region_mask(portrait.image, detections, alpha=portrait.alpha)
            faces += len(detections)
            if not mask.any():
                without_face.append(name)
            if mask.any() or keep_without_face:
                _write(target / "blurred_image" / f"{name}.jpg", obfuscate(portrait.image, mask))
                shutil.copyfile(folder.matte_folder / f"{name}.png", target / "mask" / f"{name}.png")
                cv2.imwrite(str(target / "facemask" / f"{name}.png"), mask)
            if name in donor_names and len(detections) == 1 and mask.any():
                _write_donor(target / "faces", name, portrait.image, mask)
                donor_count += 1
            if progress is not None:
                progress(done, len(folder.names))
    return AnonymizedCount(len(folder.names), faces, tuple(without_face), donor_count)


def _write(path: Path, image: UInt8Array) -> None:
    """Write a picture as JPEG with colours at full resolution."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)


def _write_donor(folder: Path, name: str, image: UInt8Array, mask: UInt8Array) -> None:
    """Cut a face out with some margin and store it with its mask."""
    x, y, width, height = cv2.boundingRect(mask)
    margin = round(DONOR_MARGIN * max(width, height))
    window = np.s_[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
    _write(folder / "image" / f"{name}.jpg", image[window])
    cv2.imwrite(str(folder / "mask" / f"{name}.png"), mask[window])
