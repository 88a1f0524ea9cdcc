"""Whether a covered face can be told from other people's.

For each of N people there is one bare photograph in the gallery. A probe is a covered photograph; the answer is the gallery's nearest
neighbour, of the detector's aligned crops (eyes and mouth brought to fixed places), which lie inside what is covered. Guessing is
right once in N times. Two galleries:

- same: the very photograph that was covered. Nothing harder to hide from, since light, pose and camera are the same.
- other: stands for another photograph of the same person. Made from the same one by another gamma, white balance, light from a
  side, turn, size and place; bare probes find themselves in it nearly always, by their gradients.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.datasets.image_files import read_image
from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.privacy.cover.cover import cover
from p3mvideo.privacy.cover.smear import smear_faces
from p3mvideo.privacy.cover.styles import Blur, Mosaic, MosaicOfFace, Solid, Style
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.region import Region

CROP_PX = 64
FIXED = np.array([(16, 18), (48, 18), (32, 50)], np.float32)
"""Where eyes and mouth lie in a crop."""
Hide = Callable[[UInt8Array, Region], UInt8Array]
"""Returns an image in which a face is hidden."""


def _with(style: Style) -> Hide:
    return lambda image, region: cover(image, [region], style)


WAYS: dict[str, Hide] = {
    "nothing": lambda image, region: image, "blur (default)": _with(Blur()), "solid": _with(Solid()), "mosaic": _with(Mosaic()),
    "mosaic of the face": _with(MosaicOfFace()), "smear (seen by the network only)": lambda image, region: smear_faces(image, [region]),
}  # fmt: skip


def identity_table(portraits: Path, people: int) -> Iterator[str]:
    """Yield the rows: how many of all people are recognised, for each way to cover and to compare."""
    photographs = list(_photographs(portraits, people))
    rng = np.random.default_rng(0)
    bare = [aligned(image, face) for image, face in photographs]
    galleries = {"same": bare, "other": [another_photograph(crop, rng) for crop in bare]}
    features: dict[str, Callable[[UInt8Array], Float32Array]] = {"colours": colours, "pixels": pixels, "HOG": gradients}
    count = len(photographs)
    yield f"| {count} people; chance is 1 of {count} | " + " | ".join(f"{f}, {g} photograph" for g in galleries for f in features) + " |"
    yield "|---" * (1 + len(galleries) * len(features)) + "|"
    for name, hide in WAYS.items():
        probes = [aligned(hide(image, Region.of(face)), face) for image, face in photographs]
        right = [
            recognised([feature(probe) for probe in probes], [feature(crop) for crop in gallery])
            for gallery in galleries.values() for feature in features.values()
        ]  # fmt: skip
        yield f"| {name} | " + " | ".join(map(str, right)) + " |"


def _photographs(portraits: Path, people: int) -> Iterator[tuple[UInt8Array, Detection]]:
    paths = sorted((portraits / "original_image").glob("*.jpg"))
    random.Random(1).shuffle(paths)
    with FaceDetector(confidence=0.5) as detector:
        for path in paths:
            if people == 0:
                return
            image = read_image(path)
            faces = detector(image)
            if len(faces) == 1 and faces[0].score > 0.7 and faces[0].box[2] - faces[0].box[0] > CROP_PX:
                people -= 1
                yield image, faces[0]


def aligned(image: UInt8Array, face: Detection) -> UInt8Array:
    """Return a face with eyes and mouth in fixed places, uint8 RGB (64, 64, 3)."""
    assert face.key_points is not None
    matrix, _ = cv2.estimateAffinePartial2D(face.key_points[[0, 1, 3]], FIXED)
    return np.asarray(cv2.warpAffine(image, matrix, (CROP_PX, CROP_PX), flags=cv2.INTER_AREA), np.uint8)


def another_photograph(crop: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Return a crop as another camera might have taken it on another day."""
    light = (crop / 255.0) ** rng.uniform(0.6, 1.6) * rng.uniform(0.8, 1.2, 3)
    down, right = np.mgrid[-1 : 1 : CROP_PX * 1j, -1 : 1 : CROP_PX * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    light *= (1 + rng.uniform(0, 0.35) * (np.cos(angle) * right + np.sin(angle) * down))[..., None]
    matrix = cv2.getRotationMatrix2D((CROP_PX / 2, CROP_PX / 2), rng.uniform(-8, 8), rng.uniform(0.92, 1.08))
    matrix[:, 2] += rng.uniform(-2.5, 2.5, 2)
    moved = cv2.warpAffine(np.clip(light, 0, 1), matrix, (CROP_PX, CROP_PX), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved * 255, np.uint8)


def colours(crop: UInt8Array) -> Float32Array:
    """Return the colours as they are."""
    return np.asarray(cv2.resize(crop, (16, 16), interpolation=cv2.INTER_AREA), np.float32).ravel()


def pixels(crop: UInt8Array) -> Float32Array:
    """Return grey values without brightness and contrast."""
    grey = cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (0, 0), 2).astype(np.float32).ravel()
    return np.asarray((grey - grey.mean()) / (grey.std() + 1e-3), np.float32)


def gradients(crop: UInt8Array) -> Float32Array:
    """Return histograms of oriented gradients."""
    hog = cv2.HOGDescriptor((CROP_PX, CROP_PX), (16, 16), (8, 8), (8, 8), 9)
    return np.asarray(hog.compute(crop), np.float32).ravel()


def recognised(probes: list[Float32Array], gallery: list[Float32Array]) -> int:
    """Return how many probes have the gallery's entry of the same place as their nearest neighbour."""
    p, g = np.stack(probes), np.stack(gallery)
    distances = (p**2).sum(1)[:, None] + (g**2).sum(1)[None] - 2 * p @ g.T
    return int((distances.argmin(axis=1) == np.arange(len(p))).sum())
