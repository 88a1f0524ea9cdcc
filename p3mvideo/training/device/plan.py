"""What a batch of scenes looks like, in numbers: everything that is random about it but the noise, for the device to paint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from p3mvideo.training.device.image_stack import LEVELS, level_for


class Warp:
    """An image of a stack at a place.

    Args:
        number: Which image.
        size: Its width and height.
        affine: (2, 3), from the scene's pixels to the image's.
        scale: How much it is enlarged.
    """

    def __init__(self, number: int, size: tuple[float, float], affine: np.ndarray, scale: float) -> None:
        self.number, self.size, self.affine, self.level = number, size, affine, level_for(scale)
        self.index = -1
        """Where it is among the batch's; known once they are stacked."""


@dataclass
class Warps:
    """Images to be sampled, in the order of their levels. K of them."""

    number: np.ndarray
    """int64 (K,)."""
    affine: np.ndarray
    """float32 (K, 2, 3)."""
    size: np.ndarray
    """Width and height, float32 (K, 2)."""
    step: np.ndarray
    """Pixels of the image in one of its level, float32 (K,)."""
    per_level: tuple[int, ...]
    """How many each level has."""

    @classmethod
    def stack(cls, warps: Sequence[Warp]) -> Warps:
        """Put warps into the order of their levels, and tell each where it is."""
        ordered = sorted(warps, key=lambda warp: warp.level)
        for index, warp in enumerate(ordered):
            warp.index = index
        return cls(
            integers([warp.number for warp in ordered]), reals([warp.affine for warp in ordered], 2, 3), reals([warp.size for warp in ordered], 2),
            reals([2**warp.level for warp in ordered]), tuple(sum(warp.level == level for warp in ordered) for level in range(LEVELS)),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.number)


@dataclass
class Faces:
    """Donor faces to be written over obfuscated ones. K of them."""

    donors: Warps
    target: np.ndarray
    """The image with the obfuscated face: where it is among its kind, int64 (K,)."""
    box: np.ndarray
    """The obfuscated face in that image, x, y, width and height in its pixels, float32 (K, 4)."""
    smeared: np.ndarray
    """Which of the donors' faces are smeared, as faces are hidden in use, int64 (L,)."""


@dataclass
class Hairs:
    """Hair to be painted over obfuscated faces. K of them."""

    target: np.ndarray
    """See `Faces`."""
    box: np.ndarray
    """See `Faces`."""
    mean: np.ndarray
    """RGB, float32 (K, 3)."""
    spread: np.ndarray
    """float32 (K,)."""
    shade: np.ndarray
    """By which shares it is lighter at the top and at the bottom, float32 (K, 2)."""


@dataclass
class Things:
    """Things that are no people. K of them."""

    textures: Warps
    middle: np.ndarray
    """x and y in pixels, float32 (K, 2)."""
    half: np.ndarray
    """Half of width and height in pixels, float32 (K, 2)."""
    angle: np.ndarray
    """In radians, float32 (K,)."""
    is_rectangle: np.ndarray
    """float32 (K,), 0 or 1."""
    waves: np.ndarray
    """Amplitudes and phases, float32 (K, HARMONICS - 1, 2), see `p3mvideo.training.samples.distractors.Thing`."""
    softness: np.ndarray
    """In pixels, float32 (K,)."""


@dataclass
class FalseCovers:
    """Smears where no face is, no two in one scene. K of them, see `p3mvideo.training.samples.false_covers`."""

    scene: np.ndarray
    """int64 (K,)."""
    middle: np.ndarray
    """x and y in pixels, float32 (K, 2)."""
    half: np.ndarray
    """Half of width and height in pixels, float32 (K, 2)."""
    angle: np.ndarray
    """In radians, float32 (K,)."""


@dataclass
class Round:
    """Layers that are put into different scenes at the same time."""

    scene: np.ndarray
    """int64 (K,), each scene once."""
    layer: np.ndarray
    """int64 (K,): people, then things."""
    behind: np.ndarray
    """float32 (K,): 1 where the layer is behind everybody in a portrait as it was taken, else 0."""
    is_person: np.ndarray
    """float32 (K,), 0 or 1."""


@dataclass
class Shots:
    """Moving people at a moment; some moments make a frame. K of them, see `p3mvideo.datasets.moving_people`."""

    scene: np.ndarray
    """The sample that it is a part of, int64 (K,)."""
    share: np.ndarray
    """Its share in the frame, float32 (K,)."""
    gain: np.ndarray
    """Of the exposure, float32 (K,)."""
    people: Warps
    """Here the maps lead to pixels of the person as large as in the frame."""
    parts: np.ndarray
    """Where the person bends, x and y in those pixels, float32 (K, 3, 2)."""
    bends: np.ndarray
    """By how much, in those pixels, float32 (K, 3, 2)."""
    lowest: np.ndarray
    """The last row of those pixels that is shown, float32 (K,); what is below repeats it."""
    magnified: np.ndarray
    """How many times larger they are than the portrait's, float32 (K,)."""
    shift: np.ndarray
    """Where the person's left border is in the portrait, in its pixels, float32 (K,)."""
    ground: Warps
    """Here the maps lead to pixels of a square about as large as the frame."""
    ground_crop: np.ndarray
    """The square's left and upper border and side in the background, in its pixels, float32 (K, 3)."""
    ground_of: np.ndarray
    """The place of each shot's background in `ground`, int64 (K,)."""
    occluded: np.ndarray
    """Shots where something is in front, int64 (L,)."""
    occluder: np.ndarray
    """Middle in x and half its width in pixels, float32 (L, 2)."""


@dataclass
class Sensor:
    """What the camera of a clip adds to each frame by itself. K frames."""

    scene: np.ndarray
    noise: np.ndarray
    """Standard deviation in 8-bit levels, float32 (K,)."""
    compressed: np.ndarray
    """Scenes that are compressed, int64 (L,)."""
    quality: np.ndarray
    """float32 (L,)."""


@dataclass
class Grain:
    """Noise of one coarseness."""

    cell_px: int
    scene: np.ndarray
    """int64 (K,)."""
    field: np.ndarray
    """Which of the fields of noise, int64 (K,); both frames of a pair have the same."""
    coloured: np.ndarray
    """Of each field, float32 (L,), 0 or 1."""
    strength: np.ndarray
    """Of each field, float32 (L,), where white is 1."""


@dataclass
class Camera:
    """What light, lens, sensor and codec do. B scenes."""

    gamma: np.ndarray
    """float32 (B,)."""
    gain: np.ndarray
    """float32 (B, 3)."""
    contrast: np.ndarray
    """float32 (B,)."""
    saturation: np.ndarray
    """float32 (B,)."""
    blurred: np.ndarray
    """int64 (K,)."""
    kernels: np.ndarray
    """float32 (K, 11, 11)."""
    grains: list[Grain]
    smaller: list[tuple[int, np.ndarray]]
    """Side in pixels, and the scenes that a camera of so few pixels sees."""
    compressed: np.ndarray
    """int64 (K,)."""
    quality: np.ndarray
    """float32 (K,)."""


@dataclass
class ScenePlan:
    """A batch of B scenes."""

    photos: Warps
    """Portraits as they were taken."""
    photo_scene: np.ndarray
    """int64 (len(photos),)."""
    grounds: Warps
    """Backgrounds that people are put before."""
    ground_scene: np.ndarray
    people: Warps
    """People who were cut out."""
    things: Things
    rounds: list[Round]
    photo_faces: Faces
    people_faces: Faces
    photo_hairs: Hairs
    people_hairs: Hairs
    photo_sources: Faces
    """Donors whose features are to be pasted, over faces of portraits as they were taken."""
    people_sources: Faces
    """The same over faces of people who were cut out."""
    people_scene: np.ndarray
    """Where those people are, int64 (len(people),)."""
    shots: Shots
    sensor: Sensor
    frames: Warps
    """Where the portraits of moving people are in their frames, but for what bends; nothing is sampled by these."""
    frame_scene: np.ndarray
    """int64 (len(frames),)."""
    frame_faces: Faces
    frame_hairs: Hairs
    """None: moving people are seen from the front."""
    frame_sources: Faces
    false_covers: list[FalseCovers]
    """The first ones of all scenes that have any, then the second ones."""
    camera: Camera
    mirrored: np.ndarray
    """bool (B,)."""
    kernel_px: np.ndarray
    """Of the trimap, float32 (B,)."""
    largest_kernel_px: int
    follows: np.ndarray
    """uint8 (B,)."""
    noise_seed: int
    people_count: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """How many people each scene was made of, for statistics."""


def reals(values: Sequence[object], *shape: int) -> np.ndarray:
    """Return float32 (len(values), *shape)."""
    return np.asarray(values, np.float32).reshape(len(values), *shape)


def integers(values: Sequence[int]) -> np.ndarray:
    """Return int64 (len(values),)."""
    return np.asarray(values, np.int64).reshape(len(values))
