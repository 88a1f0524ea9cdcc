"""P3M-CP at image level, and what both levels share: a donor's face brought to the place of an obfuscated one (arXiv 2203.16828).

P3M-CP lets a network that trains on obfuscated faces see true ones: faces of people who agreed, pasted over the obfuscated ones. The
published programs never contained it. The choices here, and what speaks for them:

- *Copy and augment, align and merge*: of source and target the patch under the face mask is taken, the source patch is augmented, the
  centres of both patches are laid upon each other, and the source is written over the obfuscated face inside the target's mask
  (the paper's figure).
- *Augmentation at image level*: rotation within 30 degrees, each axis scaled within 0.8 to 1.2 by itself, mirrored half of the time,
  no shear, no other place than the target's (defaults of the published configuration).
- *Augmentation at feature level*: none (the configuration neither turns nor mirrors there).
- *Size*: the source patch is first brought to the size of the target patch (the configuration's RESIZE2FILL). The configuration scales
  CelebAMask-HQ's faces by 0.3 to 0.7 because they fill their images; donor faces come in every size, and filling the target does
  what that range was for.
- *Chance*: half of the faces at either level (the configuration's PROB), drawn for each level by itself.
- *Labels*: matte and trimap stay, for a face lies inside the definite foreground (the figure). What is pasted is kept to pixels that the
  matte calls opaque, so that this is true of every data set. There the image is the person's own colours, so the foreground colours
  of the composition loss change with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.datasets.donors import Donor
from p3mvideo.frame import UInt8Array

SMALLEST_FACE_PX = 6
"""Obfuscated faces with a shorter side than this are left alone."""


@dataclass(frozen=True)
class Augmentation:
    """How a donor face is changed before it is pasted."""

    rotation_deg: float = 30.0
    """Largest rotation to either side."""
    axis_scale: tuple[float, float] = (0.8, 1.2)
    """Range from which each axis' scale is drawn."""
    mirror: float = 0.5
    """Chance to be mirrored."""


IMAGE_LEVEL = Augmentation()
FEATURE_LEVEL = Augmentation(rotation_deg=0.0, axis_scale=(1.0, 1.0), mirror=0.0)


class PlacedFaces(NamedTuple):
    """Donor faces at the places of obfuscated ones."""

    image: UInt8Array
    """RGB (H, W, 3); meaningful around `mask`, elsewhere the donors' surroundings."""
    mask: UInt8Array
    """(H, W), 255 where the donors' faces belong, else 0: inside the target's face mask, and opaque."""


def place_face(target: np.ndarray, donor: Donor, augmentation: Augmentation, rng: np.random.Generator) -> PlacedFaces | None:
    """Return a donor's face at the place and size of one obfuscated face; None where either shows no face.

    Args:
        target: bool (H, W), true where the face was obfuscated.
        donor: The face.
        augmentation: How it is changed.
        rng: Draws the change.
    """
    into, source = _box(target), _box(donor.mask > 127)
    if into is None or source is None:
        return None
    shrink = 1.5 * max((into[2] - into[0]) / (source[2] - source[0]), (into[3] - into[1]) / (source[3] - source[1]))
    if shrink < 0.7:  # bilinear warping alone would alias
        donor = Donor(*(np.asarray(cv2.resize(part, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8) for part in donor))
        source = _box(donor.mask > 127)
        if source is None:
            return None
    affine = draw_face_affine(into, source, augmentation, rng)
    size = (target.shape[1], target.shape[0])
    image = cv2.warpAffine(donor.image, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(donor.mask, affine, size, flags=cv2.INTER_LINEAR, borderValue=0) > 127
    return PlacedFaces(np.asarray(image, np.uint8), (inside & target).astype(np.uint8) * 255)


def draw_face_affine(into: Sequence[float], source: Sequence[float], augmentation: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Draw how a face is changed, and return the affine map (2, 3) from its pixels to those of the place it is put.

    Args:
        into: x0, y0, x1 and y1 around the place, half open.
        source: The same around the face.
        augmentation: How it is changed.
        rng: Draws the change.
    """
    (tx0, ty0, tx1, ty1), (sx0, sy0, sx1, sy1) = into, source
    scale_x, scale_y = rng.uniform(*augmentation.axis_scale, 2) * ((tx1 - tx0) / (sx1 - sx0), (ty1 - ty0) / (sy1 - sy0))
    mirror = -1.0 if rng.random() < augmentation.mirror else 1.0
    angle = np.deg2rad(rng.uniform(-augmentation.rotation_deg, augmentation.rotation_deg))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotation @ np.diag([mirror * scale_x, scale_y])
    # Pixel centres lie at whole numbers, so the middle of a half-open box is half a pixel before the mean of its bounds.
    target_centre = np.array([(tx0 + tx1 - 1) / 2, (ty0 + ty1 - 1) / 2])
    source_centre = np.array([(sx0 + sx1 - 1) / 2, (sy0 + sy1 - 1) / 2])
    return np.hstack([linear, (target_centre - linear @ source_centre)[:, None]])


def paste_faces(image: UInt8Array, faces: PlacedFaces) -> UInt8Array:
    """Return the image (H, W, 3) with the faces written over it; pixels outside their mask are the same."""
    return np.where(faces.mask[..., None] > 0, faces.image, image)


def obfuscated_faces(face_mask: UInt8Array, alpha: UInt8Array) -> list[np.ndarray]:
    """Return each connected obfuscated face that is large enough to carry another one, as bool (H, W), without half-transparent pixels.

    Args:
        face_mask: (H, W), above 127 where faces were obfuscated.
        alpha: (H, W), 255 is opaque.
    """
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(((face_mask > 127) & (alpha == 255)).astype(np.uint8))
    large = np.minimum(statistics[:, cv2.CC_STAT_WIDTH], statistics[:, cv2.CC_STAT_HEIGHT]) >= SMALLEST_FACE_PX
    return [labels == label for label in range(1, count) if large[label]]


def _box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return (x0, y0, x1, y1) around the true pixels, half open, or None."""
    if not mask.any():
        return None
    x0, y0, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return x0, y0, x0 + width, y0 + height
