"""Clips of moving faces whose true place is known, made from portraits with mattes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.datasets.image_files import read_image, read_levels
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.region import face_region_mask

FRAMES = 120
RATE = 30


@dataclass(frozen=True)
class Actor:
    """A cut-out portrait with one face."""

    image: UInt8Array
    """uint8 RGB (H, W, 3)."""
    alpha: UInt8Array
    """uint8 (H, W)."""
    face: UInt8Array
    """uint8 (H, W), 255 from brow line to chin."""
    middle: tuple[float, float]
    """Of the face, in pixels."""
    side_px: float
    """Of the face's box."""


@dataclass(frozen=True)
class Placed:
    """Where an actor's face is in one frame."""

    actor: int
    x: float
    y: float
    side_px: float
    degrees: float = 0.0
    """By which the head leans clockwise."""


@dataclass(frozen=True)
class Shot:
    """One frame of a clip."""

    image: UInt8Array
    """uint8 RGB (H, W, 3)."""
    faces: dict[str, UInt8Array]
    """Where the visible part of each face lies, uint8 (H, W), by a name that is the same as long as the face is the same track."""
    sides: dict[str, float]
    """Side of each face's box in pixels, by the same name."""
    alpha: UInt8Array
    """Exact matte of all actors, uint8 (H, W)."""


@dataclass(frozen=True)
class Case:
    """One kind of difficulty."""

    name: str
    size: tuple[int, int]
    """Width and height in pixels."""
    place: Callable[[int], list[Placed]]
    """Where the actors are in a frame, hindmost first."""
    scene_frames: int = FRAMES
    """After how many frames the scene changes."""
    hidden: range = range(0)
    """Frames in which a bar hides the middle of the image."""
    frames: int = FRAMES
    clips: int | None = None
    """How many clips are made; None leaves that to whoever asks."""


def bounce(t: float, low: float, high: float) -> float:
    """Go from `low` up to `high` and back again, at one pixel a unit."""
    span = high - low
    t %= 2 * span
    return low + (t if t < span else 2 * span - t)


def grid(count: int, columns: int, width: int, height: int, smallest_px: float, largest_px: float) -> list[Placed]:
    """Return faces at rest in the cells of a grid, from the smallest to the largest."""
    rows = -(-count // columns)
    return [
        Placed(
            k, (k % columns + 0.5) * width / columns, (k // columns + 0.4) * height / rows,
            smallest_px + (largest_px - smallest_px) * k / max(1, count - 1),
        )
        for k in range(count)
    ]  # fmt: skip


def passing(i: int, first: int, frames: int, width: int, y: float, side_px: float) -> list[Placed]:
    """Return a face that crosses the frame in `frames` frames, from frame `first` on, and is not there before and after."""
    inside = 0 <= i - first < frames
    return [Placed(0, width * (i - first + 0.5) / frames, y, side_px)] if inside else []


CASES = (
    Case("pan, 40 px a frame", (1280, 720), lambda i: [Placed(0, bounce(40 * i, 150, 1130), 320, 170)]),
    Case("zoom, 40 to 400 px", (1280, 720), lambda i: [Placed(0, 640, 330, 40 * 10 ** (bounce(i, 0, 60) / 60))]),
    Case("hidden for 30 frames", (1280, 720), lambda i: [Placed(0, 600 + 0.7 * i, 320, 180)], hidden=range(45, 75)),
    Case("cut every 10 frames", (1280, 720), lambda i: [Placed(i // 10, 300 + 211 * (i // 10) % 700, 330, 120 + 17 * (i // 10 % 9))], 10),
    Case("two faces crossing", (1280, 720), lambda i: [Placed(0, 160 + 8 * i, 340, 150), Placed(1, 1120 - 8 * i, 300, 170)]),
    Case("24 px in 1920x1080", (1920, 1080), lambda i: [Placed(0, 500 + 2 * i, 400, 24), Placed(1, 1500 - 3 * i, 700, 24)]),
    Case("leaning to 60 degrees", (1280, 720), lambda i: [Placed(0, 640, 340, 170, 60 * math.sin(i / 12))]),
    Case("in and out at the edge", (1280, 720), lambda i: [Placed(0, 1150 + 230 * math.sin(i / 14), 320, 180)]),
    Case("still, 24 to 36 px in 640x360", (640, 360), lambda i: grid(8, 4, 640, 360, 24, 36), frames=30, clips=8),
    Case("ten of 28 px in 640x360", (640, 360), lambda i: grid(10, 5, 640, 360, 28, 28), frames=60),
    Case("fast pass, 12 frames", (1280, 720), lambda i: passing(i, 15, 12, 1280, 320, 150), frames=45),
    Case("jumps of 120 px", (1280, 720), lambda i: [Placed(0, 640 + 60 * (-1) ** (i // 4), 330, 120)], frames=60),
    Case("upside down", (1280, 720), lambda i: [Placed(0, 640 + i, 360, 170, 180 + 10 * math.sin(i / 9))], frames=60),
    Case("hidden for good", (1280, 720), lambda i: [Placed(0, 600 + 0.7 * i, 320, 170)], hidden=range(45, FRAMES)),
)


def load_actors(portraits: Path, count: int, *, seed: int = 0) -> list[Actor]:
    """Return actors from a folder with `original_image` and `mask`, chosen at random among the portraits with one sure face."""
    names = sorted(path.stem for path in (portraits / "original_image").glob("*.jpg"))
    random.Random(seed).shuffle(names)
    actors: list[Actor] = []
    with FaceDetector(confidence=0.5) as detector:
        for name in names:
            image, alpha = read_image(portraits / "original_image" / f"{name}.jpg"), read_levels(portraits / "mask" / f"{name}.png")
            faces = detector(image)
            if len(faces) != 1 or faces[0].score < 0.85 or faces[0].box[2] - faces[0].box[0] < 100:
                continue
            x0, y0, x1, y1 = faces[0].box
            actors.append(Actor(image, alpha, face_region_mask(image, faces), ((x0 + x1) / 2, (y0 + y1) / 2), x1 - x0))
            if len(actors) == count:
                return actors
    raise SystemExit(f"{portraits} has {len(actors)} portraits with one sure face, {count} are needed")


def shoot(case: Case, actors: Sequence[Actor], backgrounds: Sequence[UInt8Array], *, seed: int = 0) -> Iterator[Shot]:
    """Yield the frames of one case; another seed takes other actors and backgrounds."""
    width, height = case.size
    for i in range(case.frames):
        scene = i // case.scene_frames
        behind = backgrounds[(seed * 7 + scene) % len(backgrounds)]
        image = cv2.resize(behind, (width, height), interpolation=cv2.INTER_LINEAR)
        faces: dict[str, UInt8Array] = {}
        sides: dict[str, float] = {}
        everyone = np.zeros((height, width), np.uint8)
        for placed in case.place(i):
            actor = actors[(seed * 5 + placed.actor) % len(actors)]
            shown, alpha, face = _warped(actor, placed, width, height)
            for name in faces:
                faces[name] = np.where(alpha > 127, 0, faces[name]).astype(np.uint8)
            everyone = np.maximum(everyone, alpha)
            x, y, across, down = cv2.boundingRect(alpha)
            part = slice(y, y + down), slice(x, x + across)
            share = alpha[part][..., None].astype(np.float32) / 255
            image[part] = np.round(image[part] * (1 - share) + shown[part] * share).astype(np.uint8)
            faces[f"{scene}/{placed.actor}"], sides[f"{scene}/{placed.actor}"] = face, placed.side_px
        if i in case.hidden:
            left, right = width // 2 - 260, width // 2 + 260
            image[:, left:right] = (90, 110, 90)
            everyone[:, left:right] = 0
            for face in faces.values():
                face[:, left:right] = 0
        yield Shot(image, faces, sides, everyone)


def _warped(actor: Actor, placed: Placed, width: int, height: int) -> tuple[UInt8Array, UInt8Array, UInt8Array]:
    """Return an actor's image, matte and face mask where he is placed."""
    scale = placed.side_px / actor.side_px
    shrunk = min(1.0, 2 * scale)
    images = [cv2.resize(image, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA) for image in (actor.image, actor.alpha, actor.face)]
    x, y = actor.middle[0] * shrunk, actor.middle[1] * shrunk
    matrix = cv2.getRotationMatrix2D((x, y), -placed.degrees, scale / shrunk)
    matrix[:, 2] += (placed.x - x, placed.y - y)
    shown, alpha, face = (cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR) for image in images)
    return shown, alpha, np.where(face > 127, 255, 0).astype(np.uint8)
