"""Clips of people who walk into the frame over one of its edges, and of rooms that no one is in."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from benchmarks.faces.face_clips import Actor, Case, Placed, Shot, shoot
from p3mvideo.frame import UInt8Array

SIZE = (960, 540)
FRAMES = 60
PAN_FRAMES, PAN_RATE = 10, 10
EDGES = ("left", "right", "top", "bottom")


def walk_ins(actors: Sequence[Actor], backgrounds: Sequence[UInt8Array], count: int) -> Iterator[tuple[str, Iterator[Shot]]]:
    """Yield a name and the frames of `count` clips, each of another actor, edge, size and speed of 8 to 14 pixels a frame."""
    for number in range(count):
        chosen, edge = random.Random(number), EDGES[number % len(EDGES)]
        actor, background = actors[number % len(actors)], chosen.choice(backgrounds)
        case = Case(edge, SIZE, _way(edge, chosen.choice((8, 11, 14)), chosen.uniform(90, 190)), frames=FRAMES)
        yield f"{edge}, clip {number}", _noisy(shoot(case, [actor], [background]))


def _way(edge: str, speed: float, side_px: float) -> Callable[[int], list[Placed]]:
    """Return where a face is that begins half a side beyond an edge and sways a little on its way to the other one."""
    width, height = SIZE

    def place(i: int) -> list[Placed]:
        way, sway = speed * i - 0.5 * side_px, 3 * math.sin(0.9 * i)
        x, y = {
            "left": (way, 0.45 * height), "right": (width - way, 0.45 * height),
            "top": (0.5 * width, way), "bottom": (0.5 * width, height - way),
        }[edge]  # fmt: skip
        return [Placed(0, x + sway, y + 8 * abs(math.sin(0.35 * i)), side_px)]

    return place


def _noisy(shots: Iterator[Shot]) -> Iterator[Shot]:
    """Yield shots with a camera's noise."""
    for number, shot in enumerate(shots):
        noise = np.random.default_rng(number).normal(0, 1.5, (*shot.image.shape[:2], 1))
        yield replace(shot, image=np.asarray(np.clip(shot.image + noise, 0, 255), np.uint8))


def pan(room: UInt8Array) -> Iterator[UInt8Array]:
    """Yield the frames of a pan over a room: a second, at `PAN_RATE` a second, uint8 RGB (540, 960, 3)."""
    width, height = SIZE
    scale = 1.25 * max(width / room.shape[1], height / room.shape[0])
    large = cv2.resize(room, None, fx=scale, fy=scale)
    for i in range(PAN_FRAMES):
        x = (large.shape[1] - width) * i / (PAN_FRAMES - 1)
        y = (large.shape[0] - height) * (0.5 + 0.5 * math.sin(i / 3))
        shift = np.array(((1, 0, -x), (0, 1, -y)), np.float32)
        noise = np.random.default_rng(i).normal(0, 1.5, (height, width, 1))
        yield np.asarray(np.clip(cv2.warpAffine(large, shift, SIZE) + noise, 0, 255), np.uint8)
