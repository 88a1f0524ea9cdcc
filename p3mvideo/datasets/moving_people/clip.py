"""Short clips with exact alpha, made from one portrait and its matte: a moving person over a moving background.

Everything moves along smooth random paths in continuous time, so the same seed gives the same scene at any frame rate. Motion
blur is the average over the time that the shutter is open, of the image and of the alpha alike, so the alpha stays exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.datasets.moving_people.motion import Motion, Movement
from p3mvideo.frame import Float32Array, UInt8Array

BEND_REACH = 0.22
"""How far around a part the person bends, in heights of the frame."""
FILLED, COVERED = (0.92, 0.35), 1.15
"""A person fills at least one of these shares of the frame's height and width; a background is so much larger than the frame."""
HEADROOM = 0.08
"""What is free above the person, in heights of the frame."""


class ClipFrame(NamedTuple):
    """One frame of a clip and its exact alpha."""

    frame: UInt8Array
    """RGB, (H, W, 3)."""
    alpha: Float32Array
    """In [0, 1], (H, W)."""
    source: Callable[[], SourcePlaces]
    """Returns what is seen of the portrait when the exposure begins."""


class SourcePlaces(NamedTuple):
    """Where the pixels of a frame come from, but for what lies before the person."""

    places: Float32Array
    """x and y of each pixel of the frame in the portrait, (H, W, 2); also where nothing of the person is."""
    to_frame: npt.NDArray[np.float64]
    """From pixels of the portrait to those of the frame, affine (2, 3), of a person who does not bend."""


def make_clip(
    image: UInt8Array,
    alpha: Float32Array,
    background: UInt8Array,
    *,
    motion: Motion,
    seed: int,
    foreground: UInt8Array | None = None,
    width: int = 512,
    height: int = 288,
    rate: float = 30.0,
    frames: int = 60,
    only: range | None = None,
) -> list[ClipFrame]:
    """Animate one portrait.

    Args:
        image: The portrait, RGB (h, w, 3).
        alpha: Its matte in [0, 1], (h, w).
        background: RGB (any, any, 3); cropped to the frame's shape.
        motion: What moves, see `p3mvideo.datasets.moving_people.motion.MOTIONS`.
        seed: The same seed gives the same clip, and at another `rate` or size the same scene.
        foreground: The person's own colours, RGB (h, w, 3); estimated if None.
        width: Of the frames, in pixels.
        height: Of the frames, in pixels.
        rate: Frames a second.
        frames: How many the clip has.
        only: The numbers of those to make; None makes all.

    Raises:
        ValueError: The arrays do not fit together, or the matte is empty.
    """
    if image.shape != (*alpha.shape, 3) or (foreground is not None and foreground.shape != image.shape):
        raise ValueError(f"image, alpha and foreground are of one size, got {image.shape}, {alpha.shape}"
                         + ("" if foreground is None else f", {foreground.shape}"))  # fmt: skip
    colours = estimate_foreground(image, alpha) if foreground is None else foreground
    scene = _Scene(colours, alpha, background, motion, seed, (width, height), frames / rate)
    sensor = np.random.default_rng([seed, 1])
    clip = []
    for index in range(frames) if only is None else only:
        exposure, matte = scene.exposed(index / rate, motion.shutter / rate)
        clip.append(ClipFrame(_through_camera(exposure, motion, sensor), matte, partial(scene.source, index / rate)))
    return clip


def estimate_foreground(image: UInt8Array, alpha: Float32Array) -> UInt8Array:
    """Estimate the person's own colours where the background shines through.

    Blur fusion, two passes: Forte, "Approximate fast foreground colour estimation", ICIP 2021.

    Args:
        image: RGB (h, w, 3).
        alpha: In [0, 1], (h, w).

    Returns:
        RGB (h, w, 3).
    """
    a = np.clip(alpha, 0, 1)[..., None].astype(np.float32)
    exposure = image.astype(np.float32)
    front = back = exposure
    for radius in (91, 7):
        weight = cv2.blur(a, (radius, radius))[..., None]
        mean_front = cv2.blur(front * a, (radius, radius)) / (weight + 1e-5)
        mean_back = cv2.blur(back * (1 - a), (radius, radius)) / (1 - weight + 1e-5)
        front = np.clip(mean_front + a * (exposure - a * mean_front - (1 - a) * mean_back), 0, 255)
        back = mean_back
    return np.rint(front).astype(np.uint8)


class _Scene:
    """A person before a background, at any moment."""

    def __init__(
        self,
        colours: UInt8Array,
        alpha: Float32Array,
        background: UInt8Array,
        motion: Motion,
        seed: int,
        size: tuple[int, int],
        seconds: float,
    ) -> None:
        self._motion = motion
        self._width, self._height = size
        self._person, self._top, self._to_person, self._reaches_bottom = _placed(colours, alpha, size)
        self._background = _covering(background, size)
        self._movement = Movement(motion, np.random.default_rng([seed, 0]), size, seconds)
        self._y, self._x = np.mgrid[: self._height, : self._width].astype(np.float32)

    def exposed(self, seconds: float, open_seconds: float) -> tuple[Float32Array, Float32Array]:
        """Return the image in [0, 255] (H, W, 3) and the alpha (H, W), averaged while the shutter is open."""
        shots = [self._at(moment) for moment in self._movement.moments(seconds, open_seconds)]
        exposure = np.mean([shot[0] for shot in shots], axis=0)
        alpha = np.mean([shot[1] for shot in shots], axis=0)
        return exposure * np.float32(self._movement.gain(seconds)), np.clip(alpha, 0, 1)

    def _at(self, seconds: float) -> tuple[Float32Array, Float32Array]:
        person = self._person_at(seconds)
        alpha = person[..., 3]
        exposure = person[..., :3] + (1 - alpha[..., None]) * self._background_at(seconds)
        if self._motion.occlusion > 0:
            face, cover = self._occluder_at(seconds)
            exposure = exposure + cover[..., None] * (face - exposure)
            alpha = alpha * (1 - cover)
        return exposure, alpha

    def _person_at(self, seconds: float) -> Float32Array:
        """Return the person's premultiplied colours and alpha, (H, W, 4)."""
        x, y = self._person_places(seconds)
        moved: Float32Array = cv2.remap(self._person, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return moved

    def source(self, seconds: float) -> SourcePlaces:
        """Return where the pixels of a frame come from at a moment."""
        to_portrait = cv2.invertAffineTransform(self._to_person)
        x, y = self._person_places(seconds)
        places = np.dstack([to_portrait[0, 0] * x + to_portrait[0, 2], to_portrait[1, 1] * y + to_portrait[1, 2]]).astype(np.float32)
        height, width = self._person.shape[:2]
        pose = self._movement.pose(seconds)
        cos, sin = math.cos(pose.angle), math.sin(pose.angle)
        turn, middle = np.array([[cos, -sin], [sin, cos]]), np.array([pose.x, self._top + height / 2 + pose.y])
        to_frame = np.column_stack([turn, middle - turn @ (width / 2, height / 2)]) @ np.vstack([self._to_person, (0, 0, 1)])
        return SourcePlaces(places, to_frame)

    def _person_places(self, seconds: float) -> tuple[Float32Array, Float32Array]:
        """Return x and y in the person's image of each pixel of the frame."""
        height, width = self._person.shape[:2]
        pose = self._movement.pose(seconds)
        cos, sin = math.cos(pose.angle), math.sin(pose.angle)
        dx, dy = self._x - pose.x, self._y - (self._top + height / 2 + pose.y)
        x = cos * dx + sin * dy + width / 2
        y = -sin * dx + cos * dy + height / 2
        shift_x, shift_y = np.zeros_like(x), np.zeros_like(y)
        if self._motion.bend > 0:
            reach = BEND_REACH * self._height
            for (part_x, part_y), (bend_x, bend_y) in zip(self._movement.parts, pose.bends, strict=True):
                centre = (0.5 + 0.5 * part_x) * width, self._height * part_y - self._top
                near = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * reach**2))
                shift_x += near * bend_x
                shift_y += near * bend_y
        y = y - shift_y
        if self._reaches_bottom:  # the portrait ends there, the person does not
            y = np.minimum(y, height - 1)
        return x - shift_x, y

    def _background_at(self, seconds: float) -> Float32Array:
        height, width = self._background.shape[:2]
        scale, pan_x, pan_y = self._movement.pan(seconds)
        x = (self._x - self._width / 2) / scale + width / 2 - pan_x
        y = (self._y - self._height / 2) / scale + height / 2 - pan_y
        moved: Float32Array = cv2.remap(self._background, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return moved

    def _occluder_at(self, seconds: float) -> tuple[Float32Array, Float32Array]:
        """Return the colours (H, W, 3) of an upright panel that crosses the frame once, and how much it covers, (H, W) in [0, 1].

        Its face is the background upside down: a thing of that place, but nothing that is seen behind it.
        """
        middle, half = self._movement.occluder(seconds)
        x = self._x - middle
        height, width = self._background.shape[:2]
        face = cv2.remap(self._background, x + np.float32(width / 2), height - 1 - self._y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(face, np.float32), np.clip(half - np.abs(x) + 0.5, 0, 1)


def _placed(colours: UInt8Array, alpha: Float32Array, size: tuple[int, int]) -> tuple[Float32Array, float, npt.NDArray[np.float64], bool]:
    """Scale the person for a webcam's view.

    Returns:
        The person (h, w, 4), colours premultiplied by alpha; the frame's row of its top; the map (2, 3) from the portrait's pixels to the
        person's; whether it is cut off at the bottom.
    """
    rows, columns = np.flatnonzero(alpha.max(1) > 0.5), np.flatnonzero(alpha.max(0) > 0.5)
    if rows.size == 0:
        raise ValueError("the matte is empty: no alpha above 0.5")
    width, height = size
    scale = float(max(FILLED[0] * height / (rows[-1] - rows[0] + 1), FILLED[1] * width / (columns[-1] - columns[0] + 1)))
    middle = (columns[0] + columns[-1]) // 2
    half = max(middle - columns[0], columns[-1] - middle) + 16
    whole = np.dstack([colours * np.clip(alpha, 0, 1)[..., None], np.clip(alpha, 0, 1)]).astype(np.float32)
    left, right = max(0, half - middle), max(0, middle + half - alpha.shape[1])
    whole = cv2.copyMakeBorder(whole, 0, 0, left, right, cv2.BORDER_CONSTANT)[:, middle - half + left : middle + half + left]
    person = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    # Pixel centres lie at whole numbers.
    to_person = np.array([[scale, 0, (half - middle + 0.5) * scale - 0.5], [0, scale, 0.5 * scale - 0.5]])
    return person, HEADROOM * height - int(rows[0]) * scale, to_person, bool(alpha[-1].max() > 0.5)


def _covering(background: UInt8Array, size: tuple[int, int]) -> Float32Array:
    """Return the background scaled so that it covers the frame with some room to move, (h, w, 3) in [0, 255]."""
    scale = COVERED * max(size[0] / background.shape[1], size[1] / background.shape[0])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled: Float32Array = cv2.resize(background, None, fx=scale, fy=scale, interpolation=interpolation).astype(np.float32)
    return scaled


def _through_camera(exposure: Float32Array, motion: Motion, rng: np.random.Generator) -> UInt8Array:
    """Add the sensor's noise and the compression."""
    if motion.noise > 0:
        exposure = exposure + rng.normal(0, motion.noise, exposure.shape).astype(np.float32)
    pixels = np.clip(np.rint(exposure), 0, 255).astype(np.uint8)
    if motion.jpeg > 0:
        packed = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, motion.jpeg])[1]
        pixels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR_RGB), np.uint8)
    return pixels
