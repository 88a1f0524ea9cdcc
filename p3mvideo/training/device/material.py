"""The material of a pack: decoded images on the device, and on the host what scenes are drawn by."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from p3mvideo.datasets.portraits import Portrait
from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.foreground import estimate_layers
from p3mvideo.training.device.image_stack import ImageStack
from p3mvideo.training.device.pack import read_manifest
from p3mvideo.training.samples.back_of_head import Hair, hair_above
from p3mvideo.training.samples.copy_paste import obfuscated_faces
from p3mvideo.training.samples.scene import SMALLEST_PERSON_PX, cut_off_sides, procedural_background
from p3mvideo.training.samples.webcam_scenes import free_part

# Channels of the portraits' stack. People who are cut out need the first five, portraits as they were taken the last five.
OWN_COLOURS, ALPHA, FACE, COLOURS = slice(0, 3), 3, 4, slice(5, 8)
CUT_OUT, AS_TAKEN = slice(0, 5), slice(3, 8)
CHANNELS = 8

KEPT_TRANSITION = 256
"""This many pixels of each portrait's transition area are known, to tie crops to."""

Box = tuple[int, int, int, int]
"""x, y, width, height."""


class Face(NamedTuple):
    """An obfuscated face of a portrait."""

    box: Box
    hair: Hair | None
    """What is above it; None where too little is seen."""


@dataclass(frozen=True)
class PortraitFacts:
    """What is known of a portrait without looking at its pixels again."""

    name: str
    width: int
    height: int
    person: Box | None
    """Around the pixels that are more than half opaque; None where no one is seen."""
    cut_off: tuple[bool, bool, bool, bool]
    """See `p3mvideo.training.samples.scene.cut_off_sides`."""
    transition: np.ndarray
    """Numbers (y * width + x) of some pixels of the transition area."""
    faces: tuple[Face, ...]
    surroundings: int | None = None
    """The background that a part of it without people is; None if there is none."""


@dataclass(frozen=True)
class MaterialFacts:
    """What is known of all material without looking at pixels; processes that draw scenes need nothing else."""

    portraits: Sequence[PortraitFacts]
    background_sizes: Sequence[tuple[int, int]]
    """Width and height."""
    photographs: int
    """How many of the backgrounds are photographs."""
    made_up: range
    """Which of them are made up."""
    donor_boxes: Sequence[Box]
    """Around the donors' faces."""


@dataclass(frozen=True)
class Material:
    """What scenes are made of."""

    portraits: ImageStack
    backgrounds: ImageStack
    """Photographs, then portraits' surroundings, then made-up ones; three channels."""
    donors: ImageStack
    """Colours and mask, four channels."""
    facts: MaterialFacts


def load_material(
    folder: Path,
    device: torch.device,
    *,
    seed: int,
    made_up: int,
    every: int = 1,
    workers: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Material:
    """Decode a pack.

    Args:
        folder: See `p3mvideo.training.device.pack`.
        device: Where the images lie from now on; all of 3,700 portraits take 8 GB.
        made_up: How many procedural backgrounds there are to be.
        seed: Draws made-up backgrounds and parts of portraits without people.
        every: Take each so manieth portrait only, for a trial.
        workers: Threads that decode.
        on_progress: Called with the number of images done and of all.

    Raises:
        DatasetError: The pack is incomplete or damaged, or holds no portraits.
    """
    manifest = read_manifest(folder)
    files = _Files([folder / part["name"] for part in manifest["parts"]])
    names, rooms, donors = files.stems("portraits")[::every], files.stems("backgrounds"), files.stems("donors")
    if not names:
        raise DatasetError(f"the pack {folder} holds no portraits")
    side, background_side = _multiple(manifest["long_side_px"]), _multiple(max(manifest["background_px"], manifest["long_side_px"]))
    people = torch.empty((len(names), CHANNELS, side, side), dtype=torch.uint8)
    donor_side = _multiple(manifest["donor_px"])
    faces = torch.empty((len(donors), 4, donor_side, donor_side), dtype=torch.uint8)
    cv2.setNumThreads(1)  # the threads are here
    with ThreadPoolExecutor(workers) as pool:
        photographs = pool.map(lambda name: files.image(f"backgrounds/{name}.jpg"), rooms)
        portraits = pool.map(lambda number: _portrait(files, names[number], people[number].numpy(), (seed, number)), range(len(names)))
        boxes = list(pool.map(lambda number: _donor(files, donors[number], faces[number].numpy()), range(len(donors))))
        fields = pool.map(lambda number: procedural_background(side, np.random.default_rng((seed, number, 1))), range(made_up))
        facts, places = [], list(photographs)
        for known, surroundings in portraits:
            facts.append(known if surroundings is None else replace(known, surroundings=len(places)))
            places += [] if surroundings is None else [surroundings]
            on_progress(len(facts), len(names))
        places += list(fields)
        grounds = torch.empty((len(places), 3, background_side, background_side), dtype=torch.uint8)
        list(pool.map(lambda number: _put(grounds[number].numpy(), places[number]), range(len(places))))
    sizes, fields_at = [(place.shape[1], place.shape[0]) for place in places], range(len(places) - made_up, len(places))
    about = MaterialFacts(facts, sizes, len(rooms), fields_at, boxes)
    return Material(ImageStack(people, device), ImageStack(grounds, device), ImageStack(faces, device), about)


class _Files:
    """The files in the parts of a pack."""

    def __init__(self, parts: Sequence[Path]) -> None:
        self._zips = [zipfile.ZipFile(part) for part in parts]
        self._where = {name: archive for archive in self._zips for name in archive.namelist()}

    def stems(self, folder: str) -> list[str]:
        return sorted(Path(name).stem for name in self._where if name.startswith(f"{folder}/"))

    def image(self, name: str) -> UInt8Array:
        return np.asarray(cv2.cvtColor(self._decoded(name, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)

    def matte(self, name: str) -> UInt8Array | None:
        return self._decoded(name, cv2.IMREAD_GRAYSCALE) if name in self._where else None

    def _decoded(self, name: str, how: int) -> UInt8Array:
        image = cv2.imdecode(np.frombuffer(self._where[name].read(name), np.uint8), how)
        if image is None:
            raise DatasetError(f"{name} in the pack cannot be read as an image", hint="pack the material again")
        return np.asarray(image, np.uint8)


def _portrait(files: _Files, name: str, canvas: UInt8Array, seed: tuple[int, int]) -> tuple[PortraitFacts, UInt8Array | None]:
    """Decode a portrait into its canvas (8, P, P); return what is known of it, and a part of it without people if one is found."""
    image, alpha = files.image(f"portraits/{name}.jpg"), files.matte(f"mattes/{name}.png")
    assert alpha is not None
    face_mask = files.matte(f"faces/{name}.png")
    face_mask = np.zeros_like(alpha) if face_mask is None else face_mask
    if not image.shape[:2] == alpha.shape == face_mask.shape:
        raise DatasetError(f"{name} in the pack is not of one size with its matte and face mask", hint="pack the material again")
    matte = alpha.astype(np.float32) / np.float32(255)
    own = estimate_layers(image, matte, radius_px=max(8, round(0.06 * max(alpha.shape)))).foreground
    for channels, part in ((OWN_COLOURS, np.round(own).astype(np.uint8)), (slice(ALPHA, ALPHA + 1), alpha), (slice(FACE, FACE + 1), face_mask),
                           (COLOURS, image)):  # fmt: skip
        _put(canvas[channels], part)
    rng = np.random.default_rng(seed)
    transition = np.flatnonzero((alpha > 0) & (alpha < 255))
    x, y, w, h = cv2.boundingRect((alpha > 127).astype(np.uint8))
    faces = tuple(Face(cv2.boundingRect(face.astype(np.uint8)), hair_above(image, face, alpha)) for face in obfuscated_faces(face_mask, alpha))
    known = PortraitFacts(
        name, alpha.shape[1], alpha.shape[0], (x, y, w, h) if min(w, h) >= SMALLEST_PERSON_PX else None, cut_off_sides(alpha),
        rng.choice(transition, KEPT_TRANSITION) if transition.size > KEPT_TRANSITION else transition, faces,
    )  # fmt: skip
    return known, free_part(Portrait(name, image, alpha, face_mask), rng)


def _donor(files: _Files, name: str, canvas: UInt8Array) -> Box:
    image, mask = files.image(f"donors/{name}.jpg"), files.matte(f"donor_masks/{name}.png")
    assert mask is not None
    _put(canvas[:3], image)
    _put(canvas[3:], mask)
    x, y, w, h = cv2.boundingRect((mask > 127).astype(np.uint8))
    return x, y, w, h


def _put(canvas: UInt8Array, image: UInt8Array) -> None:
    """Put an image (h, w, C) or (h, w) into the upper left corner of a canvas (C, P, P), and repeat its borders up to the end."""
    planes = (image if image.ndim == 3 else image[..., None]).transpose(2, 0, 1)
    _, height, width = planes.shape
    canvas[:, :height, :width] = planes
    canvas[:, :height, width:] = planes[:, :, -1:]
    canvas[:, height:] = canvas[:, height - 1 : height]


def _multiple(side: int) -> int:
    """Return the side of a canvas: the next multiple of 8."""
    return -(-side // 8) * 8
