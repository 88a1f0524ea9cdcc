"""Training samples: scenes with donors' faces, as a camera shows them, and the labels made from their alpha.

Everything about sample number i is drawn from one generator seeded by (seed, i), so the same samples come in the same order whatever
the number of processes, and training can stop and go on anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from p3mvideo.datasets.donors import DonorFaces
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.trimap import KNOWN_FOREGROUND, UNKNOWN
from p3mvideo.options import CopyPasteOptions
from p3mvideo.training.samples.copy_paste import (
    Augmentation,
    PlacedFaces,
    feature_augmentation,
    image_augmentation,
    is_large_enough,
    obfuscated_faces,
    paste_faces,
    place_face,
    seen_faces,
)
from p3mvideo.training.samples.false_covers import with_false_covers
from p3mvideo.training.samples.scene import Scene
from p3mvideo.training.samples.smeared_donors import with_smeared_faces


class SceneMaker(Protocol):
    """Makes the scenes of a recipe."""

    def __call__(self, index: int, rng: np.random.Generator) -> Scene:
        """Return the scene of sample `index` with its trimap; everything random comes from `rng`."""
        ...

    def camera(self, image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
        """Return what a camera makes of an image, RGB (H, W, 3)."""
        ...


class Sample(NamedTuple):
    """One sample, or a batch of them with a leading axis B. All uint8."""

    image: Tensor
    """RGB (3, S, S)."""
    alpha: Tensor
    """(1, S, S), 255 is opaque."""
    classes: Tensor
    """(S, S): 0 background, 1 transition, 2 foreground."""
    foreground: Tensor | None = None
    """RGB (3, S, S), for the composition loss."""
    background: Tensor | None = None
    """RGB (3, S, S), likewise."""
    source: Tensor | None = None
    """RGB (3, S, S): donors' faces at the places where their features are to be pasted."""
    paste: Tensor | None = None
    """(1, S, S): 255 where they are to be pasted, else 0."""
    follows: Tensor | None = None
    """(1, 1, 1): 1 where the sample is the next frame of the clip that the sample before is a frame of, else 0."""


class TrainingSamples(Dataset[Sample]):
    """A row of samples.

    Args:
        scenes: Makes their scenes.
        length: How many there are.
        seed: Another seed gives other samples.
        donors: Faces for P3M-CP; None pastes none.
        copy_paste: How they are used; None pastes none.
        feature_start: The first sample that may carry a face for the feature level: plain training comes before.
        covers: Share of the samples with smears where no face is.
        smeared: Share of the samples with donors' faces in which these are hidden again, as in use.
    """

    def __init__(
        self, scenes: SceneMaker, *, length: int, seed: int, donors: DonorFaces | None = None, copy_paste: CopyPasteOptions | None = None,
        feature_start: int = 0, covers: float = 0.0, smeared: float = 0.0,
    ) -> None:  # fmt: skip
        self.scenes = scenes
        self.length = length
        self.seed = seed
        self.donors = donors
        self.copy_paste = copy_paste or CopyPasteOptions().with_recipe()
        self.feature_start = feature_start
        self.covers = covers
        self.smeared = smeared

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.seed, index))
        scene = self.scenes(index, rng)
        assert scene.trimap is not None
        options, source, trimap = self.copy_paste, None, scene.trimap
        if options.pastes_images:
            faces = self._faces(scene, options.cp_image_chance, image_augmentation(options), rng)
            if faces is not None:
                scene = replace(
                    scene, image=paste_faces(scene.image, faces),
                    foreground=None if scene.foreground is None else paste_faces(scene.foreground, faces),
                )  # fmt: skip
                if self.smeared and rng.random() < self.smeared:
                    scene = replace(scene, image=with_smeared_faces(scene.image, faces.mask, rng))
        if options.pastes_features and index >= self.feature_start:
            source = self._faces(scene, options.cp_feature_chance, feature_augmentation(options), rng)
        drawn = int(rng.integers(2**62))
        camera_seed = drawn if scene.camera_seed is None else scene.camera_seed
        if self.covers:
            of_camera = np.random.default_rng((camera_seed, 1))  # both frames of a clip have the same
            if of_camera.random() < self.covers:
                scene = replace(scene, image=with_false_covers(scene.image, obfuscated_faces(scene.face_mask, scene.alpha), of_camera))
        classes = np.digitize(trimap, (UNKNOWN, KNOWN_FOREGROUND)).astype(np.uint8)
        return Sample(
            _planes(self.scenes.camera(scene.image, np.random.default_rng(camera_seed))),
            torch.from_numpy(scene.alpha)[None],
            torch.from_numpy(classes),
            None if scene.foreground is None else _planes(scene.foreground),
            None if scene.background is None else _planes(scene.background),
            # The same camera sees the donor.
            None if source is None else _planes(self.scenes.camera(source.image, np.random.default_rng(camera_seed))),
            None if source is None else torch.from_numpy(source.mask)[None],
            torch.ones((1, 1, 1), dtype=torch.uint8) if scene.follows else None,
        )

    def _faces(self, scene: Scene, chance: float, augmentation: Augmentation, rng: np.random.Generator) -> PlacedFaces | None:
        """Draw which of the scene's obfuscated faces get a donor's face, and place them; None if none does."""
        if self.donors is None:
            return None
        placed: PlacedFaces | None = None
        for box, target in zip(scene.faces, seen_faces(scene.faces, scene.face_mask, scene.alpha), strict=True):
            if not is_large_enough(target) or rng.random() >= chance:
                continue
            face = place_face(target, box, self.donors.load(int(rng.integers(len(self.donors)))), augmentation, rng)
            if face is not None:
                placed = face if placed is None else PlacedFaces(paste_faces(placed.image, face), placed.mask | face.mask)
        return placed


def collate(samples: Sequence[Sample]) -> Sample:
    """Join samples into a batch; samples without a face to paste get an empty mask if any other has one."""
    return Sample(*(_stacked(parts) for parts in zip(*samples, strict=True)))  # type: ignore[arg-type]


def _stacked(parts: Sequence[Tensor | None]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.stack([torch.zeros_like(known[0]) if part is None else part for part in parts]) if known else None


def _planes(image: UInt8Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
