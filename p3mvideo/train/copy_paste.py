"""P3M-CP at image level: unobfuscated faces of others on obfuscated ones (arXiv 2203.16828, section 4.5, "P3M-ICP").

The published code never contained it. What is known of it is followed: both face patches are cut along their masks, the source
patch is augmented (rotation within 30 degrees, each axis scaled within 0.8 to 1.2, mirrored half of the time: defaults of the
published configuration) and pasted with its centre on the target's centre. The source is first brought to the target's size (the
configuration's RESIZE2FILL), because donor faces here come in every size. The matte stays as it is: a face lies inside the
definite foreground.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array

MAX_ROTATION_DEG = 30.0
AXIS_SCALE = (0.8, 1.2)


class Donor(NamedTuple):
    """A face that may be pasted."""

    image: UInt8Array
    """RGB (h, w, 3), the face and a little around it."""
    mask: UInt8Array
    """(h, w), 255 inside the face region."""


def paste_face(image: UInt8Array, face_mask: UInt8Array, donor: Donor, rng: np.random.Generator) -> UInt8Array:
    """Return the image with the donor's face written over its largest obfuscated one; pixels outside `face_mask` never change.

    Args:
        image: RGB (H, W, 3).
        face_mask: (H, W), above 127 where a face was obfuscated. Without such a pixel the image comes back as it is.
        donor: The face to paste.
        rng: Draws the augmentation.
    """
    face = _largest_part(face_mask > 127)
    target, source = _box(face), _box(donor.mask > 127)
    if target is None or source is None:
        return image
    (tx0, ty0, tx1, ty1), (sx0, sy0, sx1, sy1) = target, source
    scale_x, scale_y = rng.uniform(*AXIS_SCALE, 2) * ((tx1 - tx0) / (sx1 - sx0), (ty1 - ty0) / (sy1 - sy0))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    angle = np.deg2rad(rng.uniform(-MAX_ROTATION_DEG, MAX_ROTATION_DEG))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotation @ np.diag([mirror * scale_x, scale_y])
    source_centre = np.array([(sx0 + sx1) / 2, (sy0 + sy1) / 2])
    target_centre = np.array([(tx0 + tx1) / 2 - tx0, (ty0 + ty1) / 2 - ty0])
    affine = np.hstack([linear, (target_centre - linear @ source_centre)[:, None]])

    size = (tx1 - tx0, ty1 - ty0)
    pasted = cv2.warpAffine(donor.image, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(donor.mask, affine, size, flags=cv2.INTER_LINEAR, borderValue=0) > 127
    inside &= face[ty0:ty1, tx0:tx1]
    merged = image.copy()
    merged[ty0:ty1, tx0:tx1][inside] = pasted[inside]
    return merged


def _largest_part(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected part of a boolean mask."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if len(statistics) < 2:
        return mask
    largest: np.ndarray = labels == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    return largest


def _box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return (x0, y0, x1, y1) around the true pixels, half open, or None."""
    if not mask.any():
        return None
    x0, y0, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return x0, y0, x0 + width, y0 + height
