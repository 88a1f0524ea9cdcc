"""Draws what happens to obfuscated faces: P3M-CP at image level, and hair in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from p3mvideo.training.device.material import Box, Face
from p3mvideo.training.device.plan import Faces, Hairs, Warp, Warps, integers, reals
from p3mvideo.training.samples.back_of_head import draw_hair, draw_shade
from p3mvideo.training.samples.copy_paste import SMALLEST_FACE_PX, Augmentation, draw_face_affine, moved_box

LEAST_SPREAD, MOST_SPREAD = 6.0, 25.0


@dataclass
class FaceList:
    """What is done to the faces of one kind of image, portraits as they were taken or people who were cut out."""

    pasted: list[tuple[Warp, Warp, Face]] = field(default_factory=list)
    """Whose face, which donor, and which face."""
    covered: list[tuple[Warp, Face, tuple[np.ndarray, float], tuple[float, float]]] = field(default_factory=list)
    """Whose face, which face, mean and spread of the hair, and its shades."""

    def paste(
        self, target: Warp, faces: Sequence[Face], donors: Sequence[Box], *, chance: float, augmentation: Augmentation, size_px: int,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        """Draw which of an image's faces get one of the donors' faces, of which the boxes are given, and place them."""
        if not donors:
            return
        forward = cv2.invertAffineTransform(target.affine)
        for face in faces:
            left, top, width, height = face.box
            x0, y0, x1, y1 = into = moved_box((left, top, left + width, top + height), forward)
            seen = min(x1, size_px) - max(x0, 0), min(y1, size_px) - max(y0, 0)
            if min(seen) < SMALLEST_FACE_PX or rng.random() >= chance:
                continue
            number = int(rng.integers(len(donors)))
            x, y, w, h = donors[number]
            if min(w, h) > 0:
                affine = draw_face_affine(into, (x, y, x + w, y + h), ((x1 - x0) / w, (y1 - y0) / h), augmentation, rng)
                scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
                self.pasted.append((target, Warp(number, (0, 0), cv2.invertAffineTransform(affine), scale), face))

    def cover(self, target: Warp, faces: Sequence[Face], rng: np.random.Generator) -> None:
        """Put hair in the place of all faces of an image."""
        for face in faces:
            hair = face.hair or draw_hair(rng)
            spread = float(np.clip(hair.spread, LEAST_SPREAD, MOST_SPREAD))
            self.covered.append((target, face, (hair.mean, spread), draw_shade(rng)))

    def stack(self) -> tuple[Faces, Hairs]:
        """Put them together; the images that they belong to are stacked already."""
        donors = Warps.stack([donor for _, donor, _ in self.pasted])
        pasted = sorted(self.pasted, key=lambda paste: paste[1].index)
        faces = Faces(donors, integers([target.index for target, _, _ in pasted]), reals([face.box for _, _, face in pasted], 4))
        return faces, Hairs(
            integers([target.index for target, *_ in self.covered]), reals([face.box for _, face, *_ in self.covered], 4),
            reals([mean for *_, (mean, _), _ in self.covered], 3), reals([spread for *_, (_, spread), _ in self.covered]),
            reals([shade for *_, shade in self.covered], 2),
        )  # fmt: skip
