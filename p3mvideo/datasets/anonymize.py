"""Makes a face-obfuscated data set from ordinary portraits, by P3M-10k's own construction (arXiv 2104.14222, section 3.1).

Of each face the region from brow line to chin, less the matte's transition area (so that hair and edges stay as they are), is blurred
past recognition. The region is kept as `facemask/NAME.png`. Beyond that construction, a face that a detector still finds is hidden more
strongly, see `p3mvideo.datasets.hidden_faces`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.datasets.hidden_faces import hide_faces
from p3mvideo.datasets.image_files import images_in, read_image, write_bytes, write_image
from p3mvideo.datasets.layout import read_split
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array

CONFIDENCE = 0.4
"""The detector's threshold: below the usual one, for a face that is missed stays visible."""
DONOR_MARGIN = 0.25
"""How much around a donor face is kept, in sides of its mask: rotated and stretched pastes reach beyond it."""
WITHOUT_FACE = "without_face.txt"

Progress = Callable[[int, int], None]
"""Called with the number of items done and of all."""


@dataclass(frozen=True)
class AnonymizedCount:
    """What `anonymize_portraits` did."""

    images: int
    """Portraits in the source."""
    written: int
    """Portraits in the target, earlier runs included."""
    faces: int
    """Faces found in this run."""
    without_face: tuple[str, ...]
    """Names of the images in which this run found no face; they are in the target only if `keep_without_face` said so."""
    donors: int
    """Donor faces cut out in this run."""
    still_found: tuple[str, ...] = ()
    """Names of the images in which a detector still takes a hidden face of this run for one."""


def anonymize_portraits(
    source: Path, target: Path, *, donors: Path | None = None, keep_without_face: bool = False, on_progress: Progress | None = None
) -> AnonymizedCount:
    """Write `target/{blurred_image,mask,facemask}` from a split of unobfuscated portraits.

    What is there already is not done again. The names of the images without a face are added to `target/without_face.txt`.

    Args:
        source: The split's folder, see `p3mvideo.datasets.portraits`.
        target: Where to write.
        donors: File with the names of portraits, one a line, whose faces may serve as donor faces for copy-and-paste: they are cut out,
            unobfuscated, to `target/faces/{image,mask}`.
        keep_without_face: Whether images in which no face is found belong to the new set. People seen from behind are among them, but
            faces that were overlooked may be, too.
        on_progress: Called after each portrait.

    Raises:
        DatasetError: The source is incomplete, or the target cannot be written.
        WeightsError: The face detection models are missing.
    """
    # Imported here: training itself runs where MediaPipe is not installed.
    from p3mvideo.privacy.detect.detector import FaceDetector
    from p3mvideo.privacy.region import face_region_mask

    folder = PortraitFolder(source)
    donor_names = set() if donors is None else set(read_split(donors))
    _make_folders(target, "blurred_image", "mask", "facemask", *(("faces/image", "faces/mask") if donor_names else ()))
    faces, without_face, still_found, donor_count = 0, [], [], 0
    with FaceDetector(confidence=CONFIDENCE) as detector:
        for done, name in enumerate(folder.names, start=1):
            # The face mask is written last, so it says that the portrait is complete.
            if not (target / "facemask" / f"{name}.png").exists():
                portrait = folder.load(name)
                detections = detector(portrait.image, min_face_px=_smallest_face_px(portrait.image))
                hidden = hide_faces(portrait.image, portrait.alpha, detections, find=detector)
                faces += len(detections)
                if not hidden.mask.any():
                    without_face.append(name)
                if hidden.still_found:
                    still_found.append(name)
                if name in donor_names and len(detections) == 1 and hidden.mask.any():
                    _write_donor(target / "faces", name, portrait.image, face_region_mask(portrait.image, detections, alpha=portrait.alpha))
                    donor_count += 1
                if hidden.mask.any() or keep_without_face:
                    write_image(target / "blurred_image" / f"{name}.jpg", hidden.image)
                    write_image(target / "mask" / f"{name}.png", portrait.alpha)
                    write_image(target / "facemask" / f"{name}.png", hidden.mask)
            if on_progress is not None:
                on_progress(done, len(folder.names))
    _note(target / WITHOUT_FACE, without_face)
    written = sum((target / "facemask" / f"{name}.png").exists() for name in folder.names)
    return AnonymizedCount(len(folder), written, faces, tuple(without_face), donor_count, tuple(still_found))


def cut_faces(source: Path, target: Path, *, on_progress: Progress | None = None) -> int:
    """Cut the faces out of a folder of images to `target/{image,mask}`, for copy-and-paste; return how many there are.

    Only images with exactly one face are taken. The people in them should have agreed.

    Args:
        source: A folder of images.
        target: Where to write.
        on_progress: Called after each image.

    Raises:
        DatasetError: There is no image, or no face in any of them, or the target cannot be written.
        WeightsError: The face detection models are missing.
    """
    from p3mvideo.privacy.detect.detector import FaceDetector
    from p3mvideo.privacy.region import face_region_mask

    images = images_in(source)
    _make_folders(target, "image", "mask")
    count = 0
    with FaceDetector() as detector:
        for done, path in enumerate(images, start=1):
            image = read_image(path)
            detections = detector(image, min_face_px=_smallest_face_px(image))
            mask = face_region_mask(image, detections)
            if len(detections) == 1 and mask.any():
                _write_donor(target, path.stem, image, mask)
                count += 1
            if on_progress is not None:
                on_progress(done, len(images))
    if not count:
        raise DatasetError(f"none of the {len(images)} images in {source} shows exactly one face", hint="take portraits of one person")
    return count


def _smallest_face_px(image: UInt8Array) -> int:
    return max(20, int(max(image.shape[:2])) // 24)


def _write_donor(folder: Path, name: str, image: UInt8Array, mask: UInt8Array) -> None:
    """Cut a face out with some margin and store it with its mask."""
    x, y, width, height = cv2.boundingRect(mask)
    margin = round(DONOR_MARGIN * max(width, height))
    window = np.s_[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
    write_image(folder / "image" / f"{name}.jpg", image[window])
    write_image(folder / "mask" / f"{name}.png", mask[window])


def _make_folders(target: Path, *names: str) -> None:
    try:
        for name in names:
            (target / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"cannot make the folder {target}: {error.strerror or error}", hint="check the path and its rights") from error


def _note(path: Path, names: Iterable[str]) -> None:
    """Add names to a list of names."""
    known = path.read_text(encoding="utf-8").split() if path.exists() else []
    all_names = sorted({*known, *names})
    if all_names:
        write_bytes(path, "".join(f"{name}\n" for name in all_names).encode())
