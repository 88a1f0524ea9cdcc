"""Training scenes: parts of portraits as they were taken, and people cut out and put into other places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.ops.foreground import estimate_layers
from p3mvideo.train.portraits import Portrait

Rng = np.random.Generator


@dataclass(frozen=True)
class Scene:
    """A picture and its labels."""

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
    camera_seed: int | None = field(default=None, kw_only=True)
    """Frames of one clip are seen by one camera, drawn from this; None is seen by any."""
    follows: bool = field(default=False, kw_only=True)
    """Whether it comes right after the scene of the sample before, in one clip."""

    def mirrored(self) -> Scene:
        """Return the scene with left and right exchanged."""
        parts = (self.image, self.alpha, self.face_mask, self.trimap, self.foreground, self.background)
        turned = (None if part is None else np.ascontiguousarray(part[:, ::-1]) for part in parts)
        return Scene(*turned, camera_seed=self.camera_seed, follows=self.follows)  # type: ignore[arg-type]


def crop_scene(portrait: Portrait, size_px: int, rng: Rng) -> Scene:
    """Crop a portrait around a random pixel of its transition area and bring it to a square.

    Half of the crops are tied to a transition pixel, as in the published recipe, the others to any pixel.
    """
    height, width = portrait.alpha.shape
    side = min(height, width) * rng.uniform(0.45, 1.0)
    aspect = np.exp(rng.uniform(-0.3, 0.3))
    crop_w, crop_h = min(width, round(side * aspect)), min(height, round(side / aspect))
    transition = np.flatnonzero((portrait.alpha > 0) & (portrait.alpha < 255)) if rng.random() < 0.5 else np.empty(0, np.int64)
    if transition.size:
        y, x = divmod(int(rng.choice(transition)), width)
    else:
        y, x = int(rng.integers(height)), int(rng.integers(width))
    x0 = int(np.clip(x - crop_w // 2, 0, width - crop_w))
    y0 = int(np.clip(y - crop_h // 2, 0, height - crop_h))
    window = np.s_[y0 : y0 + crop_h, x0 : x0 + crop_w]
    return Scene(*(_resize(part[window], size_px, size_px) for part in (portrait.image, portrait.alpha, portrait.face_mask)))


def whole_scene(portrait: Portrait, size_px: int) -> Scene:
    """Bring a whole portrait to a square, as inference does with whole frames (up to its aspect ratio)."""
    return Scene(*(_resize(part, size_px, size_px) for part in (portrait.image, portrait.alpha, portrait.face_mask)))


def composed_scene(people: list[Portrait], background: UInt8Array, rng: Rng) -> Scene:
    """Put people over a background, the first one farthest back.

    Several people stand side by side, about equally far away, in most scenes with more than one; else everybody is somewhere.

    Args:
        people: Portraits; their own surroundings are left out.
        background: RGB (S, S, 3).
        rng: Draws sizes and places.
    """
    size = background.shape[0]
    image, alpha, faces = background.astype(np.float32), np.zeros((size, size), np.float32), np.zeros((size, size), np.uint8)
    side_by_side = len(people) > 1 and rng.random() < 0.6
    spots = _side_by_side(len(people), size, rng) if side_by_side else [_anywhere(size, rng, small=len(people) > 1) for _ in people]
    for person, spot in zip(people, spots, strict=True):
        placed = _placed(person, size, spot, rng)
        if placed is None:
            continue
        colours, matte, face = placed
        image = matte[..., None] * colours + (1 - matte[..., None]) * image
        alpha = 1 - (1 - matte) * (1 - alpha)
        faces[matte > 0] = face[matte > 0]  # who stands in front hides the faces behind
    return Scene(np.round(image).astype(np.uint8), np.round(alpha * 255).astype(np.uint8), faces)


class _Spot(NamedTuple):
    """Where a person is put, in pixels."""

    height: float
    x: float
    y: float


def _anywhere(size: int, rng: Rng, *, small: bool) -> _Spot:
    # Small people are the hard ones, so sizes are drawn evenly on a logarithmic scale.
    height = size * np.exp(rng.uniform(np.log(0.25), np.log(0.9 if small else 1.7)))
    return _Spot(height, rng.uniform(0.1, 0.9) * size, rng.uniform(0.3, 0.8) * size)


def _side_by_side(count: int, size: int, rng: Rng) -> list[_Spot]:
    height = size * np.exp(rng.uniform(np.log(0.2), np.log(0.9)))
    apart = height * rng.uniform(0.2, 0.45)
    x, y = rng.uniform(0.25, 0.75) * size, rng.uniform(0.4, 0.7) * size
    return [
        _Spot(height * np.exp(rng.normal(0, 0.08)), x + (place - (count - 1) / 2 + rng.normal(0, 0.15)) * apart, y + rng.normal(0, 0.04) * height)
        for place in rng.permutation(count)
    ]


def _placed(person: Portrait, size: int, spot: _Spot, rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Put a person at a place of an S x S canvas.

    Returns:
        Colours (S, S, 3) in [0, 255], matte (S, S) in [0, 1], face mask (S, S); None where the portrait shows nobody.
    """
    x, y, w, h = cv2.boundingRect((person.alpha > 127).astype(np.uint8))
    if w < 8 or h < 8:
        return None
    image_h, image_w = person.alpha.shape
    scale = float(np.clip(spot.height / h, 0.08, 2.5))
    shrink = min(1.0, 1.4 * scale)  # bilinear warping alone would alias
    image, alpha, face = person.image, person.alpha, person.face_mask
    if shrink < 0.7:
        image = _resize(image, max(8, round(image_w * shrink)), max(8, round(image_h * shrink)))
        alpha, face = (_resize(part, image.shape[1], image.shape[0]) for part in (alpha, face))
        scale, x, y, w, h = scale / shrink, x * shrink, y * shrink, w * shrink, h * shrink
    matte = alpha.astype(np.float32) / np.float32(255)
    colours = estimate_layers(image, matte, radius_px=max(8, round(0.06 * max(matte.shape)))).foreground

    angle = np.deg2rad(rng.normal(0, 6) if rng.random() < 0.9 else rng.uniform(-40, 40))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    stretch = np.exp(rng.normal(0, 0.06))
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([mirror * stretch, 1.0])
    centre = np.array([x + w / 2, y + h / 2])
    half = 0.5 * np.abs(linear) @ np.array([w, h])
    place = np.array([spot.x, spot.y])
    # A person who is cut off by the picture's border must be cut off by the canvas too, not in mid-air.
    margin = 3
    touches = alpha[:, :margin].max() > 127, alpha[:margin].max() > 127, alpha[:, -margin:].max() > 127, alpha[-margin:].max() > 127
    left, top, right, bottom = touches if mirror > 0 else (touches[2], touches[1], touches[0], touches[3])
    overlap = 0.03 * size
    if bottom:
        place[1] = max(place[1], size + overlap - half[1])
    elif top:
        place[1] = min(place[1], half[1] - overlap)
    if left and not right:
        place[0] = min(place[0], half[0] - overlap)
    elif right and not left:
        place[0] = max(place[0], size + overlap - half[0])
    affine = np.hstack([linear, (place - linear @ centre)[:, None]])
    canvas = (size, size)
    warped = cv2.warpAffine(colours, affine, canvas, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    warped_matte = np.clip(cv2.warpAffine(matte, affine, canvas, flags=cv2.INTER_LINEAR), 0, 1)
    return warped, warped_matte, np.asarray(cv2.warpAffine(face, affine, canvas, flags=cv2.INTER_LINEAR), np.uint8)


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
    """Return a random square part of a picture as (S, S, 3)."""
    height, width = image.shape[:2]
    side = max(8, round(min(height, width) * rng.uniform(0.5, 1.0)))
    x0, y0 = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
    return _resize(image[y0 : y0 + side, x0 : x0 + side], size, size)


def _resize(image: UInt8Array, width: int, height: int) -> UInt8Array:
    """Resize without aliasing."""
    shrinks = width < image.shape[1]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)
