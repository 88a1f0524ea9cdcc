"""The scenes of this program's own recipe.

What a webcam sees is not what portrait collections hold: people far away, off-centre, several of them, no one at all. So a part of the
scenes is composed: one or more people, at random sizes and places, over rooms, over other portraits' surroundings, or over plain and
noisy fields. The others are portraits as they were taken. A share may be made harder still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from p3mvideo.datasets.image_files import images_in, read_image
from p3mvideo.datasets.portraits import Portrait, PortraitFolder
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.trimap import trimap_from_alpha
from p3mvideo.training.samples.back_of_head import from_behind
from p3mvideo.training.samples.camera_degradation import degrade
from p3mvideo.training.samples.distractors import thing_before, thing_behind
from p3mvideo.training.samples.portrait_order import PortraitOrder
from p3mvideo.training.samples.scene import (
    Crop,
    Layer,
    Scene,
    accompanied,
    composed_scene,
    cropped_scene,
    placed_company,
    placed_people,
    procedural_background,
    random_crop,
    square_crop,
    turned,
    whole,
)

COMPANION_TRIES = 4
"""This many portraits are drawn at most to find one that suits another."""
BEHIND = 0.3
"""Chance that someone in a hard scene is seen from behind: hair in place of an obfuscated face."""
THINGS, DESK = 0.6, 0.2
"""Chances that a hard scene on another background has things behind people, and one before them at the lower border."""
COMPANY = 0.5
"""Chance that other people are put into a hard portrait as it was taken."""
MOST_COMPANY, IN_FRONT = 3, 0.4
"""How many they are at most, and the chance that they stand in front."""
MOST_THINGS, BESIDE = 4, 0.8
"""How many things there are behind people at most, and the chance that one is at someone's outline."""
BACKGROUND_IMAGE, SURROUNDINGS = 0.6, 0.85
"""A background is an image with the first chance, and with the second an image or a portrait's own surroundings, if there are any."""
TILT, TILT_DEGREES = 0.3, 12.0
"""Chance that such a portrait is turned, and about how far."""


@dataclass(frozen=True)
class WebcamOptions:
    """How scenes are drawn. Probabilities in [0, 1]."""

    compose: float = 0.6
    """Chance that people are cut out and put over another background."""
    several: float = 0.35
    """Chance that such a scene shows more than one person."""
    most_people: int = 5
    """How many it shows at most."""
    nobody: float = 0.05
    """Chance that such a scene shows no one."""
    hard: float = 0.0
    """Share of the scenes that show what is hard: people far away, from behind, with company, through a tilted camera, among things."""
    moving: float = 0.0
    """Share of the samples that are neighbouring frames of moving people, two and two, see `p3mvideo.training.samples.moving_scenes`."""
    filmed: tuple[str, ...] = ()
    """How the names of portraits begin that are successive frames of clips, see `p3mvideo.training.samples.filmed_clips`."""
    whole: float = 0.3
    """Chance that a portrait as it was taken is seen whole instead of cropped."""
    trimap_px: tuple[int, int] = (7, 15)
    """Smallest and largest kernel of the online trimap at a size of 320; scaled with the size."""


class WebcamScenes:
    """Makes scenes as webcams see them. See `p3mvideo.training.samples.dataset.SceneMaker`.

    Args:
        portraits: Where people come from.
        order: Which of them comes when.
        size_px: Side of the scenes.
        options: How they are drawn.
        backgrounds: Folder of images without people; None leaves made-up ones and the portraits' own surroundings.

    Raises:
        DatasetError: The folder holds no images.
    """

    def __init__(
        self, portraits: PortraitFolder, order: PortraitOrder, *, size_px: int, options: WebcamOptions, backgrounds: Path | None = None
    ) -> None:
        self.portraits = portraits
        self.order = order
        self.size_px = size_px
        self.options = options
        self.backgrounds = images_in(backgrounds) if backgrounds is not None else []

    def __call__(self, index: int, rng: np.random.Generator) -> Scene:
        """Return the scene of sample `index`, drawn by `rng`."""
        options = self.options
        hard = options.hard > 0 and rng.random() < options.hard
        person = self.portraits.load(self.order.at(index, rng))
        if hard and rng.random() < BEHIND:
            person = from_behind(person, rng)
        if rng.random() < options.compose:
            scene = self._composed(person, rng, hard=hard)
        else:
            scene = cropped_scene(person, self.crop(person, rng), self.size_px)
            if hard and rng.random() < TILT:
                scene = turned(scene, float(rng.normal(0, TILT_DEGREES)))
            if hard and rng.random() < COMPANY:
                others = [self._companion(person, rng) for _ in range(int(rng.integers(1, MOST_COMPANY + 1)))]
                scene = accompanied(scene, placed_company(others, scene, rng), in_front=rng.random() < IN_FRONT)
        if rng.random() < 0.5:
            scene = scene.mirrored()
        return replace(scene, trimap=trimap_from_alpha(scene.alpha, self.trimap_kernel(rng)))

    def crop(self, person: Portrait, rng: np.random.Generator) -> Crop:
        """Draw which part of a portrait as it was taken is seen."""
        return whole(person) if rng.random() < self.options.whole else random_crop(person, rng)

    def _composed(self, person: Portrait, rng: np.random.Generator, *, hard: bool) -> Scene:
        """Put a person, several people, or no one over another background, and things if it is to be hard."""
        options, background, kind = self.options, self.background(rng), rng.random()
        shown = [] if kind < options.nobody else [person]
        if options.nobody <= kind < options.nobody + options.several:
            shown += [self._companion(person, rng) for _ in range(int(rng.integers(1, options.most_people)))]
        people = placed_people(shown, self.size_px, rng, far=hard)
        behind, before = [], []
        if hard and rng.random() < THINGS:
            for _ in range(int(rng.integers(1, MOST_THINGS + 1))):
                behind.append(thing_behind(self.background(rng), self._beside(people, rng), rng))
        if hard and rng.random() < DESK:
            before.append(thing_before(self.background(rng), rng))
        return composed_scene(people, background, behind=behind, before=before)

    def _beside(self, people: Sequence[Layer], rng: np.random.Generator) -> tuple[float, float]:
        """Draw a place on the outline of one of the people, or anywhere."""
        if people and rng.random() < BESIDE:
            matte = people[int(rng.integers(len(people)))].matte
            outline = np.flatnonzero((matte > 0.1) & (matte < 0.9))
            if outline.size:
                y, x = divmod(int(rng.choice(outline)), self.size_px)
                return float(x), float(y)
        x, y = rng.uniform(0, self.size_px, 2)
        return float(x), float(y)

    def trimap_kernel(self, rng: np.random.Generator) -> int:
        """Draw the width of the online trimap's kernel in pixels."""
        return trimap_kernel(self.options, self.size_px, rng)

    def camera(self, image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
        """Return what a camera makes of the image."""
        return degrade(image, rng)

    def anybody(self, rng: np.random.Generator) -> Portrait:
        """Draw a portrait."""
        return self.portraits.load(self.order.any(rng))

    def _companion(self, person: Portrait, rng: np.random.Generator) -> Portrait:
        """Draw someone who may stand beside a person: both seen whole, or both cut off by the image's lower border."""
        other = self.anybody(rng)
        for _ in range(COMPANION_TRIES - 1):
            if stands(other) == stands(person):
                break
            other = self.anybody(rng)
        return other

    def background(self, rng: np.random.Generator) -> UInt8Array:
        """Draw a background (S, S, 3): mostly an image, else a portrait's own surroundings, else a made-up one."""
        kind = rng.random()
        if kind < BACKGROUND_IMAGE and self.backgrounds:
            return square_crop(read_image(self.backgrounds[int(rng.integers(len(self.backgrounds)))]), self.size_px, rng)
        if kind < SURROUNDINGS:
            free = free_part(self.anybody(rng), rng)
            if free is not None:
                return square_crop(free, self.size_px, rng)
        return procedural_background(self.size_px, rng)


def trimap_kernel(options: WebcamOptions, size_px: int, rng: np.random.Generator) -> int:
    """Draw the width of the online trimap's kernel in pixels, for scenes of S x S pixels."""
    low, high = (round(k * size_px / 320) for k in options.trimap_px)
    return max(1, int(rng.integers(low, high + 1)))


def stands(portrait: Portrait) -> bool:
    """Return whether a person is seen down to the feet, and not cut off by the portrait's lower border."""
    return int(portrait.alpha[-3:].max()) < 128


def free_part(portrait: Portrait, rng: np.random.Generator) -> UInt8Array | None:
    """Return a part of a portrait that shows no one, at least a quarter of the shorter side wide, or None if a few tries find none."""
    height, width = portrait.alpha.shape
    smallest = min(height, width) // 4
    for _ in range(8):
        w, h = int(rng.integers(smallest, width)), int(rng.integers(smallest, height))
        x0, y0 = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
        if portrait.alpha[y0 : y0 + h, x0 : x0 + w].max() == 0:
            return portrait.image[y0 : y0 + h, x0 : x0 + w]
    return None
