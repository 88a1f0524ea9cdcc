"""Draws what happens to obfuscated faces: P3M-CP at both levels, and hair in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from p3mvideo.training.device.material import Box, Face
from p3mvideo.training.device.plan import Faces, Hairs, Warp, Warps, integers, reals
from p3mvideo.training.samples.back_of_head import draw_hair, draw_shade
from p3mvideo.training.samples.copy_paste import SMALLEST_FACE_PX, Augmentation, draw_face_affine, moved_box
from p3mvideo.training.samples.false_covers import PlacedBox

LEAST_SPREAD, MOST_SPREAD = 6.0, 25.0


Placed = tuple[Warp, Warp, Face, bool]
"""Whose face, which donor, which face, and whether it is smeared."""


@dataclass(frozen=True)
class Pasting:
    """How one level of P3M-CP is drawn."""

    chance: float
    """Of each face."""
    augmentation: Augmentation
    smeared: float = 0.0
    """Chance that a donor's face is smeared."""


@dataclass
class FaceList:
    """What is done to the faces of one kind of image, portraits as they were taken or people who were cut out."""

    pasted: list[Placed] = field(default_factory=list)
    """Donors that are painted over faces."""
    sources: list[Placed] = field(default_factory=list)
    """Donors whose features are pasted over those of faces."""
    covered: list[tuple[Warp, Face, tuple[np.ndarray, float], tuple[float, float]]] = field(default_factory=list)
    """Whose face, which face, mean and spread of the hair, and its shades."""

    def cover(self, target: Warp, faces: Sequence[Face], rng: np.random.Generator) -> None:
        """Put hair in the place of all faces of an image."""
        for face in faces:
            hair = face.hair or draw_hair(rng)
            spread = float(np.clip(hair.spread, LEAST_SPREAD, MOST_SPREAD))
            self.covered.append((target, face, (hair.mean, spread), draw_shade(rng)))

    def stack(self) -> tuple[Faces, Hairs, Faces]:
        """Put them together: what is pasted, hair, and sources. The images that they belong to are stacked already."""
        hairs = Hairs(
            integers([target.index for target, *_ in self.covered]), reals([face.box for _, face, *_ in self.covered], 4),
            reals([mean for *_, (mean, _), _ in self.covered], 3), reals([spread for *_, (_, spread), _ in self.covered]),
            reals([shade for *_, shade in self.covered], 2),
        )  # fmt: skip
        return _stacked(self.pasted), hairs, _stacked(self.sources)


def place_donors(
    target: Warp, faces: Sequence[Face], donors: Sequence[Box], pasting: Pasting, *, size_px: int, rng: np.random.Generator
) -> list[Placed]:
    """Draw which of an image's faces get one of the donors' faces, of which the boxes are given, and place them."""
    placed: list[Placed] = []
    if not donors:
        return placed
    forward = cv2.invertAffineTransform(target.affine)
    for face in faces:
        left, top, width, height = face.box
        x0, y0, x1, y1 = into = moved_box((left, top, left + width, top + height), forward)
        seen = min(x1, size_px) - max(x0, 0), min(y1, size_px) - max(y0, 0)
        if min(seen) < SMALLEST_FACE_PX or rng.random() >= pasting.chance:
            continue
        number = int(rng.integers(len(donors)))
        x, y, w, h = donors[number]
        if min(w, h) > 0:
            affine = draw_face_affine(into, (x, y, x + w, y + h), ((x1 - x0) / w, (y1 - y0) / h), pasting.augmentation, rng)
            scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
            smeared = pasting.smeared > 0 and rng.random() < pasting.smeared
            placed.append((target, Warp(number, (0, 0), cv2.invertAffineTransform(affine), scale), face, smeared))
    return placed


def seen_boxes(image: Warp, faces: Sequence[Face], size_px: int) -> list[PlacedBox]:
    """Return what of an image's faces is inside of a scene, in its pixels, if that is large enough to be a face."""
    forward = cv2.invertAffineTransform(image.affine)
    boxes = []
    for face in faces:
        left, top, width, height = face.box
        x0, y0, x1, y1 = np.clip(moved_box((left, top, left + width, top + height), forward), 0, size_px).tolist()
        if min(x1 - x0, y1 - y0) >= SMALLEST_FACE_PX:
            boxes.append((x0, y0, x1 - x0, y1 - y0))
    return boxes


def _stacked(placed: Sequence[Placed]) -> Faces:
    donors = Warps.stack([donor for _, donor, *_ in placed])
    ordered = sorted(placed, key=lambda one: one[1].index)
    return Faces(
        donors, integers([target.index for target, *_ in ordered]), reals([face.box for _, _, face, _ in ordered], 4),
        integers([place for place, (*_, smeared) in enumerate(ordered) if smeared]),
    )  # fmt: skip
