"""A made-up miniature of P3M-10k and a tiny network for it."""

from pathlib import Path

import cv2
import numpy as np
import torch

from p3mvideo.frame import UInt8Array
from p3mvideo.model.encoders.realtime import realtime_p3mnet
from p3mvideo.weights.tensors import save_weights

TINY = {"deep_channels": 16, "widths": [8, 8, 8, 8], "detail_channels": 4, "full_channels": 4, "side_heads": False}


def person(seed: int, height: int, width: int) -> tuple[UInt8Array, UInt8Array]:
    """Return a "portrait", RGB (H, W, 3), and its matte (H, W): a soft bright disc on a dark wall."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    alpha = np.clip((min(height, width) * 0.3 - np.hypot(y - height * 0.5, x - width * rng.uniform(0.4, 0.6))) / 4 + 0.5, 0, 1)
    image = 40 + 160 * alpha[..., None] * np.array([1.0, 0.8, 0.7]) + rng.normal(0, 6, (height, width, 3))
    return image.clip(0, 255).astype(np.uint8), np.round(alpha * 255).astype(np.uint8)


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 else image)


def miniature(root: Path, *, count: int = 3, height: int = 80, width: int = 96) -> Path:
    """Write P3M-500-P and P3M-500-NP in the published layout and return the data set's folder."""
    for seed in range(count):
        image, alpha = person(seed, height, width)
        trimap = np.where(alpha == 255, 255, np.where(alpha == 0, 0, 128)).astype(np.uint8)
        trimap = np.where(cv2.dilate((trimap == 128).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0, 128, trimap).astype(np.uint8)
        name = f"p_{seed:08x}"
        for split, folder in (("P3M-500-P", "blurred_image"), ("P3M-500-NP", "original_image")):
            base = root / "validation" / split
            write(base / folder / f"{name}.jpg", image)
            write(base / "mask" / f"{name}.png", alpha)
            write(base / "trimap" / f"{name}.png", trimap)
        face = np.zeros_like(alpha)
        face[height // 2 - 5 : height // 2 + 5, width // 2 - 5 : width // 2 + 5] = 255
        write(root / "validation" / "P3M-500-P" / "facemask" / f"{name}.png", face)
    return root


def tiny_weights(path: Path) -> Path:
    """Write random weights of a tiny network of the real-time variant and return their path."""
    torch.manual_seed(0)
    network = realtime_p3mnet(**TINY)  # type: ignore[arg-type]
    save_weights(path, network.state_dict(), variant="p3mnet-mobilenetv2", arguments=TINY)
    return path
