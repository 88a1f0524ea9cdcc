"""Training samples: scenes with faces pasted in, degraded pictures, and the labels made from their alpha.

Everything about sample number i is drawn from one generator seeded by (seed, i), so the same samples come in the same order whatever
the number of worker processes, and training can stop and go on anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.trimap import KNOWN_FOREGROUND, UNKNOWN, trimap_from_alpha
from p3mvideo.train.copy_paste import Donor, paste_face
from p3mvideo.train.photometric import degrade
from p3mvideo.train.portraits import IMAGE_SUFFIXES, Portrait, PortraitFolder, read_image, read_matte
from p3mvideo.train.scene import Scene, composed_scene, crop_scene, procedural_background, square_crop, whole_scene


@dataclass(frozen=True)
class SampleOptions:
    """How samples are drawn. Probabilities in [0, 1]."""

    size_px: int = 320
    """Side of the samples, a multiple of 32."""
    compose: float = 0.55
    """Chance that people are cut out and put over another background."""
    two_people: float = 0.2
    """Chance that such a scene shows two people."""
    nobody: float = 0.05
    """Chance that such a scene shows nobody."""
    whole: float = 0.3
    """Chance that a portrait as it was taken is seen whole instead of cropped."""
    paste_face: float = 0.5
    """Chance that an obfuscated face gets a donor's face (P3M-CP at image level)."""
    trimap_px: tuple[int, int] = (7, 15)
    """Smallest and largest kernel of the online trimap at `size_px` 320; scaled with the size."""


class TrainingSamples(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """An endless-looking row of samples; item i is (image, alpha, classes).

    image: uint8 RGB (3, S, S). alpha: uint8 (1, S, S). classes: uint8 (S, S), 0 background, 1 transition, 2 foreground.

    Args:
        portraits: Where people come from.
        length: How many samples there are.
        options: How they are drawn.
        seed: Another seed gives other samples.
        backgrounds: Folder of pictures without people; None leaves made-up ones and the portraits' own surroundings.
        donors: Folder with `image/` and `mask/` of donor faces; None pastes none.
        shares: Name prefix -> share of the draws; what is left goes to all other names evenly.
    """

    def __init__(
        self,
        portraits: PortraitFolder,
        *,
        length: int,
        options: SampleOptions,
        seed: int = 0,
        backgrounds: Path | None = None,
        donors: Path | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        self.portraits = portraits
        self.length = length
        self.options = options
        self.seed = seed
        self.backgrounds = _pictures(backgrounds) if backgrounds is not None else []
        self.donors = _pictures(donors / "image") if donors is not None else []
        self.draw = draw_probabilities(portraits.names, shares or {})

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.seed, index))
        scene = self._scene(rng)
        if rng.random() < 0.5:
            scene = Scene(np.ascontiguousarray(scene.image[:, ::-1]), np.ascontiguousarray(scene.alpha[:, ::-1]))
        low, high = (round(k * self.options.size_px / 320) for k in self.options.trimap_px)
        trimap = trimap_from_alpha(scene.alpha, int(rng.integers(low, high + 1)))
        classes = (trimap >= UNKNOWN).astype(np.uint8) + (trimap == KNOWN_FOREGROUND)
        image = degrade(scene.image, rng)
        return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(scene.alpha)[None], torch.from_numpy(classes)

    def _scene(self, rng: np.random.Generator) -> Scene:
        options = self.options
        if rng.random() < options.compose:
            background = self._background(rng)
            kind = rng.random()
            count = 0 if kind < options.nobody else 2 if kind < options.nobody + options.two_people else 1
            return composed_scene([self._person(rng) for _ in range(count)], background, rng)
        person = self._person(rng)
        return whole_scene(person, options.size_px) if rng.random() < options.whole else crop_scene(person, options.size_px, rng)

    def _person(self, rng: np.random.Generator) -> Portrait:
        """Draw a portrait, perhaps with another face."""
        person = self.portraits.load(self.portraits.names[int(rng.choice(len(self.portraits), p=self.draw))])
        if not self.donors or rng.random() >= self.options.paste_face:
            return person
        path = self.donors[int(rng.integers(len(self.donors)))]
        donor = Donor(read_image(path), read_matte(path.parent.parent / "mask" / f"{path.stem}.png"))
        return replace(person, image=paste_face(person.image, person.face_mask, donor, rng))

    def _background(self, rng: np.random.Generator) -> UInt8Array:
        """Draw a background: mostly a picture, else a portrait's own surroundings, else a made-up one."""
        kind = rng.random()
        if kind < 0.6 and self.backgrounds:
            return square_crop(read_image(self.backgrounds[int(rng.integers(len(self.backgrounds)))]), self.options.size_px, rng)
        if kind < 0.85:
            portrait = self.portraits.load(self.portraits.names[int(rng.choice(len(self.portraits), p=self.draw))])
            free = _free_part(portrait, rng)
            if free is not None:
                return square_crop(free, self.options.size_px, rng)
        return procedural_background(self.options.size_px, rng)


def draw_probabilities(names: Sequence[str], shares: Mapping[str, float]) -> np.ndarray:
    """Return each name's chance to be drawn, float64 summing to 1.

    Raises:
        DatasetError: A prefix fits no name, or the shares exceed 1.
    """
    weights = np.zeros(len(names))
    free = np.ones(len(names), bool)
    for prefix, share in shares.items():
        fits = np.array([name.startswith(prefix) for name in names]) & free
        if not fits.any():
            raise DatasetError(f"no portrait's name starts with {prefix!r}", hint="check the shares")
        weights[fits] = share / fits.sum()
        free &= ~fits
    rest = 1 - sum(shares.values())
    if rest < -1e-9 or (free.any() and rest <= 0):
        raise DatasetError(f"the shares sum to {sum(shares.values()):g}, which leaves nothing for the other portraits")
    if free.any():
        weights[free] = rest / free.sum()
    return np.asarray(weights / weights.sum())


def _free_part(portrait: Portrait, rng: np.random.Generator) -> UInt8Array | None:
    """Return a part of a portrait that shows nobody, at least a quarter of the shorter side wide, or None if a few tries find none."""
    height, width = portrait.alpha.shape
    smallest = min(height, width) // 4
    for _ in range(8):
        w, h = int(rng.integers(smallest, width)), int(rng.integers(smallest, height))
        x0, y0 = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
        if portrait.alpha[y0 : y0 + h, x0 : x0 + w].max() == 0:
            return portrait.image[y0 : y0 + h, x0 : x0 + w]
    return None


def _pictures(folder: Path) -> list[Path]:
    """Return the pictures in a folder, sorted."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise DatasetError(f"{folder} holds no pictures", hint=f"one of {', '.join(IMAGE_SUFFIXES)} is expected")
    return paths
