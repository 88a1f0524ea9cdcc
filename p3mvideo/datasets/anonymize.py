"""Makes a face-obfuscated data set from ordinary portraits, by P3M-10k's own construction (arXiv 2104.14222, section 3.1).

Of each face the region from brow line to chin, less the matte's transition area (so that hair and edges stay as they are), is blurred
past recognition. The region is kept as `facemask/NAME.png`. Beyond that construction, a face that a detector still finds is hidden more
strongly, see `p3mvideo.datasets.hidden_faces`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.datasets.hidden_faces import hide_faces
from p3mvideo.datasets.image_files import images_in, make_folders, read_image, write_bytes, write_image
from p3mvideo.datasets.layout import MATTE_FOLDERS, ORIGINAL_FOLDERS, find_folder, read_split
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array

CONFIDENCE = 0.4
"""The detector's threshold: below the usual one, for a face that is missed stays visible."""
DONOR_MARGIN = 0.25
"""How much around a donor face is kept, in sides of its mask: rotated and stretched pastes reach beyond it."""
WITHOUT_FACE = "without_face.txt"
WITHOUT_DONOR = "left_out.txt"
"""Beside the donors' faces: who gave none, and why."""

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
    donors_left_out: tuple[str, ...] = ()
    """Who of those who agreed gave no donor face in this run, as "NAME: reason"."""
    still_found: tuple[str, ...] = ()
    """Names of the images in which a detector still takes a hidden face of this run for one."""


def anonymize_portraits(
    source: Path, target: Path, *, donors: Path | None = None, keep_without_face: bool = False, on_progress: Progress | None = None
) -> AnonymizedCount:
    """Write `target/{blurred_image,mask,facemask}` from a split of unobfuscated portraits.

    What is there already is not done again. The names of the images without a face are added to `target/without_face.txt`, those of who
    should be a donor and cannot, with the reason, to `target/faces/left_out.txt`.

    Images are read from `p3mvideo.datasets.layout.ORIGINAL_FOLDERS` only, and mattes from a folder that is not written: source and target may be
    one folder where the mattes are in `alpha/`, for example.

    Args:
        source: The split's folder, see `p3mvideo.datasets.layout`.
        target: Where to write.
        donors: File with the names of portraits, one a line, whose faces may serve as donor faces for copy-and-paste: they are cut out,
            unobfuscated, to `target/faces/{image,mask}`.
        keep_without_face: Whether images in which no face is found belong to the new set. People seen from behind are among them, but
            faces that were overlooked may be, too.
        on_progress: Called after each portrait.

    Raises:
        DatasetError: The source is incomplete, its mattes lie where the target's belong, or the target cannot be written.
        WeightsError: The face detection models are missing.
    """
    # Imported here: training itself runs where MediaPipe is not installed.
    from p3mvideo.privacy.detect.detector import FaceDetector
    from p3mvideo.privacy.region import face_region_mask

    folder = _originals(source, target)
    donor_names = set() if donors is None else set(read_split(donors))
    make_folders(target, "blurred_image", "mask", "facemask", *(("faces/image", "faces/mask") if donor_names else ()))
    faces, without_face, still_found, donor_count = 0, [], [], 0
    left_out = [f"{name}: the split has no such portrait" for name in sorted(donor_names - set(folder.names))]
    with FaceDetector(confidence=CONFIDENCE) as detector:
        for done, name in enumerate(folder.names, start=1):
            # The masks are written last, so they say what is complete.
            to_hide = not (target / "facemask" / f"{name}.png").exists()
            to_cut = name in donor_names and not (target / "faces" / "mask" / f"{name}.png").exists()
            if to_hide or to_cut:
                portrait = folder.load(name)
                detections = detector(portrait.image, min_face_px=_smallest_face_px(portrait.image))
            if to_hide:
                hidden = hide_faces(portrait.image, portrait.alpha, detections, find=detector)
                faces += len(detections)
                if not hidden.mask.any():
                    without_face.append(name)
                if hidden.still_found:
                    still_found.append(name)
                if hidden.mask.any() or keep_without_face:
                    write_image(target / "blurred_image" / f"{name}.jpg", hidden.image)
                    write_image(target / "mask" / f"{name}.png", portrait.alpha)
                    write_image(target / "facemask" / f"{name}.png", hidden.mask)
            if to_cut:
                mask = face_region_mask(portrait.image, detections, alpha=portrait.alpha)
                reason = _why_no_donor(len(detections), mask)
                if reason:
                    left_out.append(f"{name}: {reason}")
                else:
                    _write_donor(target / "faces", name, portrait.image, mask)
                    donor_count += 1
            if on_progress is not None:
                on_progress(done, len(folder.names))
    _note(target / WITHOUT_FACE, without_face)
    if left_out:
        _note(target / "faces" / WITHOUT_DONOR, left_out)
    written = sum((target / "facemask" / f"{name}.png").exists() for name in folder.names)
    return AnonymizedCount(len(folder), written, faces, tuple(without_face), donor_count, tuple(left_out), tuple(still_found))


def _originals(source: Path, target: Path) -> PortraitFolder:
    """Return the portraits to hide faces in, read from folders that `anonymize_portraits` does not write."""
    if not source.is_dir():
        raise DatasetError(f"{source} is not a folder", hint="point at a split, such as DATA/train")
    images = find_folder(source, ORIGINAL_FOLDERS)
    if images is None:
        hint = "give a split of unobfuscated portraits; those in blurred_image/ count as obfuscated"
        raise DatasetError(f"{source} has no folder {' or '.join(ORIGINAL_FOLDERS)}", hint=hint)
    written = (target / "mask").resolve()
    mattes = find_folder(source, [name for name in MATTE_FOLDERS if (source / name).resolve() != written])
    if mattes is None and find_folder(source, MATTE_FOLDERS) is not None:
        raise DatasetError(f"the mattes would be read from {source / 'mask'}, which is written", hint="choose another TARGET")
    return PortraitFolder(source, images=images.name, mattes=None if mattes is None else mattes.name)


class CutFaces(NamedTuple):
    """What `cut_faces` did."""

    faces: int
    left_out: tuple[str, ...]
    """Which images gave no face, as "NAME: reason"."""


def cut_faces(source: Path, target: Path, *, on_progress: Progress | None = None) -> CutFaces:
    """Cut the faces out of a folder of images to `target/{image,mask}`, for copy-and-paste.

    Only images with exactly one face are taken; the others are named, with the reason, in `target/left_out.txt`. The people in
    them should have agreed.

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
    make_folders(target, "image", "mask")
    count, left_out = 0, []
    with FaceDetector() as detector:
        for done, path in enumerate(images, start=1):
            image = read_image(path)
            detections = detector(image, min_face_px=_smallest_face_px(image))
            mask = face_region_mask(image, detections)
            reason = _why_no_donor(len(detections), mask)
            if reason:
                left_out.append(f"{path.stem}: {reason}")
            else:
                _write_donor(target, path.stem, image, mask)
                count += 1
            if on_progress is not None:
                on_progress(done, len(images))
    if not count:
        raise DatasetError(f"none of the {len(images)} images in {source} shows exactly one face", hint="take portraits of one person")
    _note(target / WITHOUT_DONOR, left_out)
    return CutFaces(count, tuple(left_out))


def _why_no_donor(faces: int, mask: UInt8Array) -> str:
    """Return why a image gives no donor face; empty if it does."""
    if faces != 1:
        return f"{faces} faces were found" if faces else "no face was found"
    return "" if mask.any() else "nothing is left of its face"


def _smallest_face_px(image: UInt8Array) -> int:
    return max(20, int(max(image.shape[:2])) // 24)


def _write_donor(folder: Path, name: str, image: UInt8Array, mask: UInt8Array) -> None:
    """Cut a face out with some margin and store it with its mask."""
    x, y, width, height = cv2.boundingRect(mask)
    margin = round(DONOR_MARGIN * max(width, height))
    window = np.s_[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
    write_image(folder / "image" / f"{name}.jpg", image[window])
    write_image(folder / "mask" / f"{name}.png", mask[window])


def _note(path: Path, names: Iterable[str]) -> None:
    """Add names to a list of names."""
    known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    all_names = sorted({*known, *names})
    if all_names:
        write_bytes(path, "".join(f"{name}\n" for name in all_names).encode())
