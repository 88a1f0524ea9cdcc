"""A made-up miniature portrait data set, donor faces, and a tiny network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array

BACKBONE = "test_efficientnet"
"""timm's backbone for tests, features at strides 2 to 32."""


def person(number: int, *, width: int = 64, height: int = 64) -> tuple[UInt8Array, UInt8Array, UInt8Array]:
    """Return image (H, W, 3), alpha (H, W) and face mask (H, W) of a head on shoulders, soft at the border."""
    rng = np.random.default_rng(number)
    image = np.empty((height, width, 3), np.uint8)
    image[:] = rng.integers(0, 120, 3)
    image[:, :: int(rng.integers(3, 9))] += 60
    alpha = np.zeros((height, width), np.uint8)
    x, y, r = int(width * rng.uniform(0.4, 0.6)), int(height * 0.35), int(height * rng.uniform(0.16, 0.22))
    cv2.ellipse(alpha, (x, height), (int(1.7 * r), int(height - y - r)), 0, 0, 360, 255, -1)
    cv2.circle(alpha, (x, y), r, 255, -1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1.2)
    colour = rng.integers(130, 255, 3)
    weight = alpha[..., None] / 255
    image = np.round(weight * colour + (1 - weight) * image).astype(np.uint8)
    face = np.zeros((height, width), np.uint8)
    cv2.circle(face, (x, y), max(3, int(0.75 * r)), 255, -1)
    face[(alpha > 0) & (alpha < 255)] = 0
    return image, alpha, face


def split(root: Path, *, count: int = 4, width: int = 64, height: int = 64, layers: bool = False) -> Path:
    """Write a split in P3M-10k's layout and return its folder."""
    for name in ("blurred_image", "mask", "facemask", *(("fg_blurred", "bg") if layers else ())):
        (root / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image, alpha, face = person(number, width=width, height=height)
        name = f"p_{number:08x}"
        cv2.imwrite(str(root / "blurred_image" / f"{name}.jpg"), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])
        cv2.imwrite(str(root / "mask" / f"{name}.png"), alpha)
        cv2.imwrite(str(root / "facemask" / f"{name}.png"), face)
        if layers:
            cv2.imwrite(str(root / "fg_blurred" / f"{name}.png"), image[..., ::-1])
            cv2.imwrite(str(root / "bg" / f"{name}.jpg"), np.full_like(image, 40))
    return root


def faces(root: Path, *, count: int = 3, side: int = 40) -> Path:
    """Write donor faces, each of one colour that no portrait has, and return their folder."""
    for name in ("image", "mask"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image, mask = donor(number, side=side)
        cv2.imwrite(str(root / "image" / f"{number}.png"), image[..., ::-1])
        cv2.imwrite(str(root / "mask" / f"{number}.png"), mask)
    return root


def donor(number: int, *, side: int = 40) -> tuple[UInt8Array, UInt8Array]:
    """Return a face of one colour before black, and its mask: an ellipse in the middle."""
    mask = np.zeros((side, side), np.uint8)
    cv2.ellipse(mask, (side // 2, side // 2), (side // 4, side // 3), 0, 0, 360, 255, -1)
    image = np.zeros((side, side, 3), np.uint8)
    image[:] = (255, 10 * number, 0)
    return image, mask
