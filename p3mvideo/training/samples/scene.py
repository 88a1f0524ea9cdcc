"""Training scenes: parts of portraits as they were taken, and people cut out and put into other places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.datasets.portraits import Portrait
from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.ops.foreground import estimate_layers
from p3mvideo.training.samples.copy_paste import Box, face_boxes, moved_box

Rng = np.random.Generator

SMALLEST_PERSON_PX = 8
"""Of the shorter side of who is in a portrait; whoever is smaller is a speck."""
NEAR, FAR = 0.25, 0.15
"""Height of the smallest people, in sides of the scene, ordinarily and where they may be far away."""


@dataclass(frozen=True)
class Scene:
    """An image and its labels."""

    image: UInt8Array
    """RGB (H, W, 3)."""
    alpha: UInt8Array
    """(H, W), 255 is opaque."""
    face_mask: UInt8Array
    """(H, W), above 127 where a face was obfuscated."""
    trimap: UInt8Array | None = None
    """(H, W): 0 background, 128 transition, 255 foreground; None until it is drawn from the alpha."""
    foreground: UInt8Array | None = None
    """The person's own colours, RGB (H, W, 3), where the composition loss needs them."""
    background: UInt8Array | None = None
    """The background's colours, RGB (H, W, 3), likewise."""
    faces: tuple[Box, ...] = field(default=(), kw_only=True)
    """Around each obfuscated face, the whole of it: parts may lie outside the scene, or behind something."""
    camera_seed: int | None = field(default=None, kw_only=True)
    """Frames of one clip are seen by one camera, drawn from this; None is seen by any."""
    follows: bool = field(default=False, kw_only=True)
    """Whether it comes right after the scene of the sample before, in one clip."""

    def mirrored(self) -> Scene:
        """Return the scene with left and right exchanged."""
        parts = (self.image, self.alpha, self.face_mask, self.trimap, self.foreground, self.background)
        turned = (None if part is None else np.ascontiguousarray(part[:, ::-1]) for part in parts)
        width = self.alpha.shape[1]
        faces = tuple((width - x1, y0, width - x0, y1) for x0, y0, x1, y1 in self.faces)
        return Scene(*turned, faces=faces, camera_seed=self.camera_seed, follows=self.follows)  # type: ignore[arg-type]


Crop = tuple[int, int, int, int]
"""x, y, width and height of a part of a portrait, in its pixels."""


def cropped_scene(portrait: Portrait, crop: Crop, size_px: int) -> Scene:
    """Bring a part of a portrait to a square."""
    x, y, width, height = crop
    window = np.s_[y : y + height, x : x + width]
    parts = (_resize(part[window], size_px, size_px) for part in (portrait.image, portrait.alpha, portrait.face_mask))
    return Scene(*parts, faces=cropped_faces(portrait, crop, size_px))


def whole(portrait: Portrait) -> Crop:
    """Return all of a portrait: a square is made of it as inference does of whole frames (up to its aspect ratio)."""
    height, width = portrait.alpha.shape
    return 0, 0, width, height


def random_crop(portrait: Portrait, rng: Rng) -> Crop:
    """Draw a part of a portrait, around a random pixel of its transition area or around any; see `draw_crop`."""
    height, width = portrait.alpha.shape
    return draw_crop(width, height, lambda: np.flatnonzero((portrait.alpha > 0) & (portrait.alpha < 255)), rng)


def cropped_faces(portrait: Portrait, crop: Sequence[float], size_px: int) -> tuple[Box, ...]:
    """Return the boxes of a portrait's faces in a scene of S x S pixels that a crop (x, y, width, height) of it becomes."""
    x, y, width, height = crop
    across, down = size_px / width, size_px / height
    boxes = face_boxes(portrait.face_mask, portrait.alpha)
    return tuple(((x0 - x) * across, (y0 - y) * down, (x1 - x) * across, (y1 - y) * down) for x0, y0, x1, y1 in boxes)


def draw_crop(width: int, height: int, transition: Callable[[], np.ndarray], rng: Rng) -> Crop:
    """Draw which part of a portrait is cropped.

    Half of the crops are tied to a transition pixel, as in the published recipe, the others to any pixel.

    Args:
        width: Of the portrait.
        height: Of the portrait.
        transition: Returns the numbers (y * width + x) of pixels of its transition area; called where they are needed.
        rng: Draws the crop.

    Returns:
        x, y, width and height.
    """
    side = min(height, width) * rng.uniform(0.45, 1.0)
    aspect = np.exp(rng.uniform(-0.3, 0.3))
    crop_w, crop_h = min(width, round(side * aspect)), min(height, round(side / aspect))
    pixels = transition() if rng.random() < 0.5 else np.empty(0, np.int64)
    if pixels.size:
        y, x = divmod(int(rng.choice(pixels)), width)
    else:
        y, x = int(rng.integers(height)), int(rng.integers(width))
    return int(np.clip(x - crop_w // 2, 0, width - crop_w)), int(np.clip(y - crop_h // 2, 0, height - crop_h)), crop_w, crop_h


class Layer(NamedTuple):
    """Something to put into a scene."""

    colours: Float32Array
    """RGB (S, S, 3) in [0, 255]."""
    matte: Float32Array
    """(S, S) in [0, 1]."""
    face: UInt8Array | None = None
    """(S, S), above 127 on an obfuscated face; None for what is no person."""
    boxes: tuple[Box, ...] = ()
    """Around each whole obfuscated face."""


def composed_scene(people: Sequence[Layer], background: UInt8Array, *, behind: Sequence[Layer] = (), before: Sequence[Layer] = ()) -> Scene:
    """Put people over a background, the first one farthest back.

    Args:
        people: As `placed_people` makes them.
        background: RGB (S, S, 3).
        behind: Things that stand behind everybody.
        before: Things that stand before everybody.
    """
    nobody = np.zeros(background.shape[:2], np.uint8)
    return _with_layers(Scene(background, nobody, nobody), (*behind, *people, *before))


def accompanied(scene: Scene, company: Sequence[Layer], *, in_front: bool) -> Scene:
    """Put other people into an image of someone, behind or in front of who is in it."""
    return _with_layers(scene, company, behind_all=not in_front)


def _with_layers(scene: Scene, layers: Sequence[Layer], *, behind_all: bool = False) -> Scene:
    """Put layers into a scene, each before the one before it; all of them behind who is in the scene, or before."""
    image, faces = scene.image.astype(np.float32), scene.face_mask.copy()
    alpha: Float32Array = scene.alpha.astype(np.float32) / np.float32(255)
    free = 1 - alpha if behind_all else np.ones_like(alpha)
    for colours, matte, face, _ in layers:
        seen = matte * free
        image = seen[..., None] * colours + (1 - seen[..., None]) * image
        alpha = np.asarray((1 - matte) * alpha if face is None else 1 - (1 - matte) * (1 - alpha), np.float32)
        faces[seen > 0] = 0 if face is None else face[seen > 0]  # who stands in front hides the faces behind
    # Faces of who is in front come first: where two boxes lie about a pixel as closely, it is theirs.
    boxes = [*reversed([box for layer in layers for box in layer.boxes])]
    boxes = [*scene.faces, *boxes] if behind_all else [*boxes, *scene.faces]
    return Scene(np.round(image).astype(np.uint8), np.round(alpha * 255).astype(np.uint8), faces, faces=tuple(boxes))


def turned(scene: Scene, degrees: float) -> Scene:
    """Turn a square scene about its middle, as far enlarged as it takes to fill the square."""
    size = scene.alpha.shape[0]
    matrix = turning(size, degrees)
    parts = (scene.image, scene.alpha, scene.face_mask)
    moved = (np.asarray(cv2.warpAffine(part, matrix, (size, size), flags=cv2.INTER_LINEAR), np.uint8) for part in parts)
    return Scene(*moved, faces=tuple(moved_box(box, matrix) for box in scene.faces))


def turning(size: int, degrees: float) -> np.ndarray:
    """Return the affine map (2, 3) of a square's pixels that `turned` applies."""
    angle = np.deg2rad(abs(degrees))
    return np.asarray(cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), degrees, float(np.cos(angle) + np.sin(angle))))


def placed_people(people: Sequence[Portrait], size: int, rng: Rng, *, far: bool = False) -> list[Layer]:
    """Cut people out of their portraits and give them places on an S x S canvas.

    Several people stand side by side, about equally far away, in most scenes with more than one; else everybody is somewhere.
    Portraits that show no one are left out.

    Args:
        people: Who is placed.
        size: S.
        rng: Draws sizes and places.
        far: Whether people may be very small.
    """
    spots = draw_spots(len(people), size, rng, far=far)
    placed = (_placed(person, size, spot, rng) for person, spot in zip(people, spots, strict=True))
    return [layer for layer in placed if layer is not None]


def placed_company(people: Sequence[Portrait], scene: Scene, rng: Rng) -> list[Layer]:
    """Cut people out of their portraits and give them places about who is in a scene: mostly beside them, at about their size."""
    size = scene.alpha.shape[0]
    somebody = cv2.boundingRect((scene.alpha > 127).astype(np.uint8))
    placed = (_placed(person, size, draw_spot_about(somebody, size, rng), rng) for person in people)
    return [layer for layer in placed if layer is not None]


class Spot(NamedTuple):
    """Where a person is put, in pixels."""

    height: float
    x: float
    y: float


def draw_spots(count: int, size: int, rng: Rng, *, far: bool) -> list[Spot]:
    """Draw places for some people, see `placed_people`."""
    smallest = FAR if far else NEAR
    if count > 1 and rng.random() < 0.6:
        return _side_by_side(count, size, rng, smallest=0.8 * smallest)
    return [_anywhere(size, rng, smallest=smallest, small=count > 1) for _ in range(count)]


def _anywhere(size: int, rng: Rng, *, smallest: float, small: bool) -> Spot:
    # Small people are the hard ones, so sizes are drawn evenly on a logarithmic scale.
    height = size * np.exp(rng.uniform(np.log(smallest), np.log(0.9 if small else 1.7)))
    return Spot(height, rng.uniform(0.1, 0.9) * size, rng.uniform(0.3, 0.8) * size)


def draw_spot_about(somebody: Sequence[float], size: int, rng: Rng) -> Spot:
    """Draw a place for one more person, mostly beside someone of whom the box (x, y, w, h) is known."""
    x, _, w, h = somebody
    spot = _anywhere(size, rng, smallest=FAR, small=True)
    if h > size // 8 and rng.random() < 0.7:
        apart = rng.choice((-1.0, 1.0)) * rng.uniform(0.3, 0.8) * max(w, 0.4 * h)
        spot = Spot(h * np.exp(rng.normal(-0.1, 0.2)), x + w / 2 + apart, rng.uniform(0.35, 0.7) * size)
    return spot


def _side_by_side(count: int, size: int, rng: Rng, *, smallest: float) -> list[Spot]:
    height = size * np.exp(rng.uniform(np.log(smallest), np.log(0.9)))
    apart = height * rng.uniform(0.2, 0.45)
    x, y = rng.uniform(0.25, 0.75) * size, rng.uniform(0.4, 0.7) * size
    return [
        Spot(height * np.exp(rng.normal(0, 0.08)), x + (place - (count - 1) / 2 + rng.normal(0, 0.15)) * apart, y + rng.normal(0, 0.04) * height)
        for place in rng.permutation(count)
    ]


def _placed(person: Portrait, size: int, spot: Spot, rng: Rng) -> Layer | None:
    """Put a person at a place of an S x S canvas; None where the portrait shows no one."""
    x, y, w, h = cv2.boundingRect((person.alpha > 127).astype(np.uint8))
    if min(w, h) < SMALLEST_PERSON_PX:
        return None
    image_h, image_w = person.alpha.shape
    scale = scale_at(spot, h)
    shrink = min(1.0, 1.4 * scale)  # bilinear warping alone would alias
    image, alpha, face = person.image, person.alpha, person.face_mask
    boxes = face_boxes(face, alpha)
    if shrink < 0.7:
        image = _resize(image, max(8, round(image_w * shrink)), max(8, round(image_h * shrink)))
        alpha, face = (_resize(part, image.shape[1], image.shape[0]) for part in (alpha, face))
        scale, x, y, w, h = scale / shrink, x * shrink, y * shrink, w * shrink, h * shrink
        boxes = tuple((x0 * shrink, y0 * shrink, x1 * shrink, y1 * shrink) for x0, y0, x1, y1 in boxes)
    matte = alpha.astype(np.float32) / np.float32(255)
    colours = estimate_layers(image, matte, radius_px=max(8, round(0.06 * max(matte.shape)))).foreground
    affine = draw_affine((x, y, w, h), cut_off_sides(alpha), scale, spot, size, rng)
    canvas = (size, size)
    warped = cv2.warpAffine(colours, affine, canvas, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    warped_matte = np.clip(cv2.warpAffine(matte, affine, canvas, flags=cv2.INTER_LINEAR), 0, 1)
    return Layer(
        np.asarray(warped, np.float32), np.asarray(warped_matte, np.float32),
        np.asarray(cv2.warpAffine(face, affine, canvas, flags=cv2.INTER_LINEAR), np.uint8), tuple(moved_box(box, affine) for box in boxes),
    )  # fmt: skip


def scale_at(spot: Spot, height: float) -> float:
    """Return how much a person of a height in pixels is enlarged for a place."""
    return float(np.clip(spot.height / height, 0.08, 2.5))


def cut_off_sides(alpha: UInt8Array) -> tuple[bool, bool, bool, bool]:
    """Return whether the portrait's left, upper, right and lower border cut its person off."""
    margin = 3
    borders = alpha[:, :margin], alpha[:margin], alpha[:, -margin:], alpha[-margin:]
    left, top, right, bottom = (bool(border.max() > 127) for border in borders)
    return left, top, right, bottom


def draw_affine(box: Sequence[float], cut_off: Sequence[bool], scale: float, spot: Spot, size: int, rng: Rng) -> np.ndarray:
    """Draw how a person is turned, mirrored and stretched, and return the affine map (2, 3) of the portrait's pixels to the canvas'.

    Args:
        box: x, y, width and height of the person in the portrait.
        cut_off: See `cut_off_sides`.
        scale: See `scale_at`.
        spot: Where the person is put.
        size: S of the canvas S x S.
        rng: Draws the rest.
    """
    x, y, w, h = box
    angle = np.deg2rad(rng.normal(0, 6) if rng.random() < 0.9 else rng.uniform(-40, 40))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    stretch = np.exp(rng.normal(0, 0.06))
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([mirror * stretch, 1.0])
    centre = np.array([x + w / 2, y + h / 2])
    half = 0.5 * np.abs(linear) @ np.array([w, h])
    place = np.array([spot.x, spot.y])
    # A person who is cut off by the image's border must be cut off by the canvas too, not in mid-air.
    left, top, right, bottom = cut_off if mirror > 0 else (cut_off[2], cut_off[1], cut_off[0], cut_off[3])
    overlap = 0.03 * size
    if bottom:
        place[1] = max(place[1], size + overlap - half[1])
    elif top:
        place[1] = min(place[1], half[1] - overlap)
    if left and not right:
        place[0] = min(place[0], half[0] - overlap)
    elif right and not left:
        place[0] = max(place[0], size + overlap - half[0])
    return np.hstack([linear, (place - linear @ centre)[:, None]])


def procedural_background(size: int, rng: Rng) -> UInt8Array:
    """Return a made-up background (S, S, 3): plain, graded, striped, blotchy, or a mosaic of rectangles."""
    kind = rng.integers(5)
    first, second = rng.uniform(0, 255, (2, 3))
    if kind == 0:
        field = np.full((size, size, 3), first)
    elif kind in (1, 2):
        yy, xx = np.mgrid[0:size, 0:size] / size
        t = np.cos(angle := rng.uniform(0, 2 * np.pi)) * xx + np.sin(angle) * yy
        if kind == 2:
            t = (np.sin(2 * np.pi * t * rng.uniform(3, 25)) > rng.uniform(-0.5, 0.5)).astype(float)
        t = (t - t.min()) / max(float(np.ptp(t)), 1e-6)
        field = first + t[..., None] * (second - first)
    elif kind == 3:
        coarse = rng.uniform(0, 255, (int(rng.integers(3, 30)),) * 2 + (3,))
        field = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    else:
        field = np.full((size, size, 3), first)
        for _ in range(int(rng.integers(3, 40))):
            x0, y0 = rng.integers(0, size, 2)
            w, h = rng.integers(4, max(5, size // 2), 2)
            field[y0 : y0 + h, x0 : x0 + w] = rng.uniform(0, 255, 3)
    return np.asarray(np.clip(field, 0, 255), np.uint8)


def square_crop(image: UInt8Array, size: int, rng: Rng) -> UInt8Array:
    """Return a random square part of an image as (S, S, 3)."""
    x0, y0, side = draw_square(image.shape[1], image.shape[0], rng)
    return _resize(image[y0 : y0 + side, x0 : x0 + side], size, size)


def draw_square(width: int, height: int, rng: Rng) -> tuple[int, int, int]:
    """Draw a square part of an image; return x, y and side."""
    side = max(8, round(min(height, width) * rng.uniform(0.5, 1.0)))
    return int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1)), side


def _resize(image: UInt8Array, width: int, height: int) -> UInt8Array:
    """Resize without aliasing."""
    shrinks = width < image.shape[1]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)
