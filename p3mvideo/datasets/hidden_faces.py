"""Hides faces for training so that a detector finds them no more, and as little else as that takes.

P3M-10k's blur leaves a head: hair, ears, shoulders and a spot of skin, and a detector takes many such heads for faces. So the blurred
image is looked through again, and what is found again is hidden in stronger ways, one after the other: in one flat colour, up to the
forehead, in colours that no face has. The matte's transition area is never touched, and beyond the brow line only what is opaque.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array

if TYPE_CHECKING:
    from p3mvideo.privacy.cover.smear import Paint
    from p3mvideo.privacy.detection import Detection

SAME = 0.1
"""Overlap (intersection over union) from which a detection is the face that was there before."""
GREEN, BLUE, GREY = (40, 160, 60), (60, 60, 200), (128, 128, 128)


class HiddenFaces(NamedTuple):
    """A portrait without faces."""

    image: UInt8Array
    """RGB (H, W, 3)."""
    mask: UInt8Array
    """(H, W), 255 where faces were replaced, else 0."""
    still_found: int
    """Faces that are found again whatever was done, or whose place the matte leaves alone."""


def hide_faces(image: UInt8Array, alpha: UInt8Array, faces: Sequence[Detection], *, find: Callable[[UInt8Array], Sequence[Detection]]) -> HiddenFaces:
    """Hide the faces of a portrait.

    Args:
        image: RGB (H, W, 3).
        alpha: Its matte (H, W), 255 is opaque.
        faces: What was found in it.
        find: Finds faces in an image, RGB (H, W, 3).
    """
    from p3mvideo.privacy.cover.smear import obfuscate
    from p3mvideo.privacy.detection import iou

    ways, soft = _ways(), (alpha > 0) & (alpha < 255)
    chosen = [0] * len(faces)
    while True:
        hidden, mask = image.copy(), np.zeros(alpha.shape, np.uint8)
        for face, way in sorted(zip(faces, chosen, strict=True), key=lambda pair: pair[1]):
            growth, paint = ways[way]
            region = _face_mask(face, alpha, growth)
            hidden = obfuscate(hidden, region, paint=paint)
            mask |= region
        hidden[soft] = image[soft]  # the blur's own soft border reaches there
        found = find(hidden) if faces else ()
        again = [number for number, face in enumerate(faces) if any(iou(face.box, other.box) >= SAME for other in found)]
        stronger = [number for number in again if chosen[number] + 1 < len(ways)]
        if not stronger:
            return HiddenFaces(hidden, mask, len(again))
        for number in stronger:
            chosen[number] += 1


def _ways() -> list[tuple[float, Paint]]:
    """Return by how much the region from brow line to chin is enlarged, and what replaces it, from gentle to strong."""
    # Imported here: training itself runs where MediaPipe is not installed.
    from p3mvideo.privacy.cover.smear import SMEAR, Flat, Smear

    flat, green, blue = Smear(cells=1), Flat(GREEN), Flat(BLUE)
    return [
        (1.0, SMEAR), (1.0, flat), (1.2, flat), (1.5, flat), (1.2, green), (1.5, green), (1.5, blue), (2.0, green), (2.0, blue), (2.0, Flat(GREY)),
    ]  # fmt: skip


def _face_mask(face: Detection, alpha: UInt8Array, growth: float) -> UInt8Array:
    """Return what is replaced of a face, (H, W), 255 there: never less than the gentlest way replaces, for bystanders are not in the matte."""
    from p3mvideo.privacy.region import Reach, Region, lean

    mask = np.zeros(alpha.shape, np.uint8)
    cv2.fillPoly(mask, [Region.of(face).face_outline()], 255)
    mask[(alpha > 0) & (alpha < 255)] = 0
    if growth > 1:
        # Where only what is opaque is replaced, the outline of the head need not be minded: all of the box serves.
        region, larger = Region(face.box, lean(face.key_points)), np.zeros(alpha.shape, np.uint8)
        cv2.fillPoly(larger, [replace(region, reach=Reach(*(growth * reach for reach in region.reach))).face_outline()], 255)
        mask |= np.where(alpha < 255, np.uint8(0), larger)
    return mask
