"""P3M-CP at image level, and what both levels share: a donor's face brought to the place of an obfuscated one (arXiv 2203.16828).

P3M-CP lets a network that trains on obfuscated faces see true ones: faces of people who agreed, pasted over the obfuscated ones. The
published programs never contained it. The choices here, and what speaks for them:

- *Copy and augment, align and merge*: of source and target the patch under the face mask is taken, the source patch is augmented, the
  centres of both patches are laid upon each other, and the source is written over the obfuscated face inside the target's mask
  (the paper's figure). The patch is that of the whole face: where a crop or another person cuts it off, so is the donor's.
- *Augmentation at image level*: rotation within 30 degrees, each axis scaled within 0.8 to 1.2 by itself, mirrored half of the time,
  no shear, no other place than the target's (defaults of the published configuration).
- *Augmentation at feature level*: none (the configuration neither turns nor mirrors there).
- *Size*: the source patch is first brought to the size of the target patch (the configuration's RESIZE2FILL; its type was never said), or the
  donor's whole image to 0.3 to 0.7 of the sample's size (`--cp-fit keep`): so the configuration scales CelebAMask-HQ, whose faces
  fill their images.
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
from p3mvideo.options import CopyPasteOptions

SMALLEST_FACE_PX = 6
"""Obfuscated faces of which less than this is seen, along the shorter side, are left alone."""
WIDEST_GAP = 0.3
"""Parts of a face mask belong to one face if they lie no farther apart than this, in longer sides of the larger one, ..."""
FACE_ASPECT = (0.6, 1.6)
"""... and width over height of both together is that of a face: else they are two faces side by side, or one above the other."""
SPECK = 0.1
"""A part with less than this share of the other's area belongs to it whatever the shape."""
TOLERANCE = 1.25
"""A pixel belongs to a face within this many times the half sides of its box, about its middle."""

Box = tuple[float, float, float, float]
"""x0, y0, x1 and y1 in pixels, half open; it may reach beyond the image."""


@dataclass(frozen=True)
class Augmentation:
    """How a donor face is changed before it is pasted."""

    rotation_deg: float = 0.0
    """Largest rotation to either side."""
    axis_scale: tuple[float, float] = (1.0, 1.0)
    """Range from which each axis' scale is drawn."""
    mirror: float = 0.0
    """Chance to be mirrored."""
    donor_scale: tuple[float, float] | None = None
    """Range of the longer side of the donor's image over that of the sample; None brings the face to the size of the target's."""


def image_augmentation(options: CopyPasteOptions) -> Augmentation:
    """Return how donors are changed at image level."""
    scale = options.cp_donor_scale if options.cp_fit == "keep" else None
    return Augmentation(options.cp_rotation, options.cp_axis_scale, options.cp_mirror, scale)


def feature_augmentation(options: CopyPasteOptions) -> Augmentation:
    """Return how donors are changed at feature level."""
    full = image_augmentation(options)
    return full if options.cp_feature_augment else Augmentation(donor_scale=full.donor_scale)


class PlacedFaces(NamedTuple):
    """Donor faces at the places of obfuscated ones."""

    image: UInt8Array
    """RGB (H, W, 3); meaningful around `mask`, elsewhere the donors' surroundings."""
    mask: UInt8Array
    """(H, W), 255 where the donors' faces belong, else 0: inside the target's face mask, and opaque."""


def place_face(target: np.ndarray, into: Box, donor: Donor, augmentation: Augmentation, rng: np.random.Generator) -> PlacedFaces | None:
    """Return a donor's face at the place of one obfuscated face; None where the donor shows none.

    Args:
        target: bool (H, W), true where the obfuscated face is seen.
        into: Around the whole of it, seen or not.
        donor: The face.
        augmentation: How it is changed.
        rng: Draws the change.
    """
    source = _box(donor.mask > 127)
    if source is None:
        return None
    size = (target.shape[1], target.shape[0])
    scale = (into[2] - into[0]) / (source[2] - source[0]), (into[3] - into[1]) / (source[3] - source[1])
    if augmentation.donor_scale is not None:
        scale = (rng.uniform(*augmentation.donor_scale) * max(size) / max(donor.mask.shape),) * 2
    shrink = 1.5 * max(scale)
    if shrink < 0.7:  # bilinear warping alone would alias
        donor = Donor(*(np.asarray(cv2.resize(part, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8) for part in donor))
        source = _box(donor.mask > 127)
        if source is None:
            return None
        scale = scale[0] / shrink, scale[1] / shrink
    affine = draw_face_affine(into, source, scale, augmentation, rng)
    image = cv2.warpAffine(donor.image, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(donor.mask, affine, size, flags=cv2.INTER_LINEAR, borderValue=0) > 127
    return PlacedFaces(np.asarray(image, np.uint8), (inside & target).astype(np.uint8) * 255)


def draw_face_affine(
    into: Sequence[float], source: Sequence[float], scale: tuple[float, float], augmentation: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Draw how a face is changed, and return the affine map (2, 3) from its pixels to those of the place it is put.

    Args:
        into: x0, y0, x1 and y1 around the place, half open.
        source: The same around the face.
        scale: By how much x and y are enlarged before that.
        augmentation: How it is changed.
        rng: Draws the change.
    """
    (tx0, ty0, tx1, ty1), (sx0, sy0, sx1, sy1) = into, source
    scale_x, scale_y = rng.uniform(*augmentation.axis_scale, 2) * scale
    mirror = -1.0 if rng.random() < augmentation.mirror else 1.0
    angle = np.deg2rad(rng.uniform(-augmentation.rotation_deg, augmentation.rotation_deg))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotation @ np.diag([mirror * scale_x, scale_y])
    # Pixel centres lie at whole numbers, so the middle of a half-open box is half a pixel before the mean of its bounds.
    target_centre = np.array([(tx0 + tx1 - 1) / 2, (ty0 + ty1 - 1) / 2])
    source_centre = np.array([(sx0 + sx1 - 1) / 2, (sy0 + sy1 - 1) / 2])
    return np.hstack([linear, (target_centre - linear @ source_centre)[:, None]])


def moved_box(box: Sequence[float], affine: np.ndarray) -> Box:
    """Return the box around a face, taken for an ellipse, after an affine map (2, 3) of pixels."""
    x0, y0, x1, y1 = box
    cx, cy = affine @ ((x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2, 1.0)
    half_x, half_y = (float(np.hypot(affine[axis, 0] * (x1 - x0) / 2, affine[axis, 1] * (y1 - y0) / 2)) for axis in (0, 1))
    return float(cx) - half_x + 0.5, float(cy) - half_y + 0.5, float(cx) + half_x + 0.5, float(cy) + half_y + 0.5


def paste_faces(image: UInt8Array, faces: PlacedFaces) -> UInt8Array:
    """Return the image (H, W, 3) with the faces written over it; pixels outside their mask are the same."""
    return np.where(faces.mask[..., None] > 0, faces.image, image)


def obfuscated_faces(face_mask: UInt8Array, alpha: UInt8Array) -> list[np.ndarray]:
    """Return each obfuscated face that is large enough to carry another one, as bool (H, W), without half-transparent pixels.

    A strand of hair or a hand may cut the mask of a face in pieces: they are one face.

    Args:
        face_mask: (H, W), above 127 where faces were obfuscated.
        alpha: (H, W), 255 is opaque.
    """
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(((face_mask > 127) & (alpha == 255)).astype(np.uint8))
    groups: list[tuple[Box, int, list[int]]] = []
    for label in sorted(range(1, count), key=lambda label: -int(statistics[label, cv2.CC_STAT_AREA])):
        x, y, w, h, area = (int(value) for value in statistics[label])
        piece = (x, y, x + w, y + h)
        for number, (box, largest, members) in enumerate(groups):
            if _are_one_face(box, piece, is_speck=area < SPECK * largest):
                groups[number] = (_around(box, piece), largest, [*members, label])
                break
        else:
            groups.append((piece, area, [label]))
    return [np.isin(labels, members) for (x0, y0, x1, y1), _, members in groups if min(x1 - x0, y1 - y0) >= SMALLEST_FACE_PX]


def face_boxes(face_mask: UInt8Array, alpha: UInt8Array) -> tuple[Box, ...]:
    """Return the box around each of a portrait's obfuscated faces, see `obfuscated_faces`."""
    return tuple(box for face in obfuscated_faces(face_mask, alpha) if (box := _box(face)) is not None)


def seen_faces(boxes: Sequence[Box], face_mask: UInt8Array, alpha: UInt8Array) -> list[np.ndarray]:
    """Return what is seen of each obfuscated face of a scene, as bool (H, W), without half-transparent pixels.

    Args:
        boxes: Around the whole faces.
        face_mask: (H, W), above 127 where faces were obfuscated.
        alpha: (H, W), 255 is opaque.
    """
    seen = np.zeros((len(boxes), *face_mask.shape), bool)
    y, x = np.nonzero((face_mask > 127) & (alpha == 255))
    if boxes and len(x):
        x0, y0, x1, y1 = (side[:, None] for side in np.asarray(boxes, np.float64).T)
        apart = np.maximum(abs(2 * x + 1 - x0 - x1) / (x1 - x0), abs(2 * y + 1 - y0 - y1) / (y1 - y0))
        owner = apart.argmin(0)
        near = apart.min(0) <= TOLERANCE
        seen[owner[near], y[near], x[near]] = True
    return list(seen)


def is_large_enough(face: np.ndarray) -> bool:
    """Return whether so much of a face, bool (H, W), is seen that another one may be pasted over it."""
    box = _box(face)
    return box is not None and min(box[2] - box[0], box[3] - box[1]) >= SMALLEST_FACE_PX


def _are_one_face(box: Box, piece: Box, *, is_speck: bool) -> bool:
    gap = max(max(box[side], piece[side]) - min(box[side + 2], piece[side + 2]) for side in (0, 1))
    if gap > WIDEST_GAP * max(box[2] - box[0], box[3] - box[1]):
        return False
    x0, y0, x1, y1 = _around(box, piece)
    return is_speck or FACE_ASPECT[0] <= (x1 - x0) / (y1 - y0) <= FACE_ASPECT[1]


def _around(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return (x0, y0, x1, y1) around the true pixels, half open, or None."""
    if not mask.any():
        return None
    x0, y0, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return x0, y0, x0 + width, y0 + height
