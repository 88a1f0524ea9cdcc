"""How faces are hidden from a matting network, in training and in use: by the same code.

A strong blur from brow line to chin, within the outline of the head. The network looks for that outline, and was trained on faces that
are blurred so ("Privacy-Preserving Portrait Matting", Li et al., 2021, section 3). It can be recognised again; what others may see is
covered, see `styles.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.cover.blend import blend
from p3mvideo.privacy.cover.styles import coarse_cells, one_colour
from p3mvideo.privacy.region import Reach, Region
from p3mvideo.yuv420 import IntBox

Paint = Callable[[UInt8Array, float], UInt8Array]
"""Returns what replaces a patch, uint8 RGB (h, w, 3), around a face whose mask has a longer side of this many pixels."""


@dataclass(frozen=True)
class Smear:
    """A strong blur: near flat, but with the light and shade of a head."""

    cells: int = 4
    """How many colours are kept along a face's side."""

    def __call__(self, patch: UInt8Array, side_px: float) -> UInt8Array:
        cells = coarse_cells(patch, side_px / self.cells, step=16)
        smooth: UInt8Array = cv2.resize(cells, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_LINEAR)
        return smooth


@dataclass(frozen=True)
class Flat:
    """One colour."""

    colour: tuple[int, int, int]

    def __call__(self, patch: UInt8Array, side_px: float) -> UInt8Array:
        return one_colour(self.colour, patch.shape[1], patch.shape[0])


SMEAR = Smear()
SIDE_OF_BORDERS = 40
"""How many times as long as its soft border is wide the longer side of a face is."""
STEADY_SECONDS = 0.1
"""Time constant with which what is smeared follows what is found."""
BEHIND = 0.06
"""How far its box may stay behind, in sides of the face."""


def steadied(before: Region, now: Region, passed_seconds: float) -> Region:
    """Return the region to smear of a face that was smeared before: a detector's box trembles, and its models do not agree about one face.

    It stays behind by less than `BEHIND` sides of the face.
    """
    share = math.exp(-max(0.0, passed_seconds) / STEADY_SECONDS)
    room = BEHIND * now.side_px

    def behind(old: float, new: float) -> float:
        return new - min(max(share * (new - old), -room), room)

    turn = math.remainder(now.lean - before.lean, 2 * math.pi)
    x0, y0, x1, y1 = (behind(old, new) for old, new in zip(before.box, now.box, strict=True))
    reach = Reach(*(share * old + (1 - share) * new for old, new in zip(before.reach, now.reach, strict=True)))
    return Region((x0, y0, x1, y1), now.lean - share * turn, reach)


class SmearPlace(NamedTuple):
    """Where a face is smeared."""

    box: IntBox
    """Around everything that smearing may touch."""
    mask: UInt8Array
    """The face in it, uint8 (h, w), 255 on the face."""


def smear_faces(image: UInt8Array, regions: Iterable[Region]) -> UInt8Array:
    """Return a copy of an image with faces smeared from brow line to chin.

    Args:
        image: uint8 RGB (H, W, 3).
        regions: The faces.
    """
    hidden, (height, width) = image.copy(), image.shape[:2]
    smear_places(hidden, (smear_place(region, width, height) for region in regions))
    return hidden


def smear_places(image: UInt8Array, places: Iterable[SmearPlace | None]) -> None:
    """Smear an image, uint8 RGB (H, W, 3), at places, in place."""
    for place in places:
        if place is not None:
            (x0, y0, x1, y1), mask = place
            _hide(image[y0:y1, x0:x1], mask, SMEAR)


def smear_place(region: Region, width: int, height: int) -> SmearPlace | None:
    """Return where a face is smeared; None if none of it is inside the image."""
    outline = region.face_outline()
    left, top = np.maximum(outline.min(axis=0), 0).tolist()
    right, bottom = np.minimum(outline.max(axis=0) + 1, (width, height)).tolist()
    if left >= right or top >= bottom:
        return None
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [outline - np.array((left, top), np.int32)], 255)
    x, y, across, down = cv2.boundingRect(mask)
    if not across:
        return None
    margin = 2 * _soft_px(max(across, down))
    x0, y0 = max(0, left + x - margin), max(0, top + y - margin)
    x1, y1 = min(width, left + x + across + margin), min(height, top + y + down + margin)
    placed = np.zeros((y1 - y0, x1 - x0), np.uint8)
    placed[top + y - y0 :, left + x - x0 :][:down, :across] = mask[y : y + down, x : x + across]
    return SmearPlace((x0, y0, x1, y1), placed)


def obfuscate(image: UInt8Array, mask: UInt8Array, *, paint: Paint = SMEAR) -> UInt8Array:
    """Return a copy of an image with the faces of a mask hidden, for training on images without faces.

    Args:
        image: uint8 RGB (H, W, 3).
        mask: uint8 (H, W), not 0 on faces, as of `face_region_mask`; each connected part is one face.
        paint: What to hide them with.
    """
    hidden = image.copy()
    _, labels, statistics, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8))
    for label, (x, y, width, height, _) in enumerate(statistics[1:].tolist(), start=1):
        margin = 2 * _soft_px(max(width, height))
        rows, columns = slice(max(0, y - margin), y + height + margin), slice(max(0, x - margin), x + width + margin)
        _hide(hidden[rows, columns], (labels[rows, columns] == label).astype(np.uint8) * 255, paint)
    return hidden


def _hide(patch: UInt8Array, mask: UInt8Array, paint: Paint) -> None:
    """Hide one face of a patch, uint8 (h, w, 3), in place, where its mask, uint8 (h, w), is 255."""
    _, _, width, height = cv2.boundingRect(mask)
    side = max(width, height)
    soft = _soft_px(side)
    # Softened outward only: the mask itself is replaced whole.
    weight = np.maximum(mask, np.asarray(cv2.blur(mask, (2 * soft + 1, 2 * soft + 1)), np.uint8))
    blend(patch, paint(patch, side), weight)


def _soft_px(side_px: int) -> int:
    """Return the half-width of the blur of a mask's border."""
    return max(1, round(side_px / SIDE_OF_BORDERS))
