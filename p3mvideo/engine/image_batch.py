"""What an engine accepts as images, and what it says of anything else."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from p3mvideo.frame import Pixels, UInt8Array, check_rgb


def check_images(images: Sequence[Pixels]) -> tuple[int, int]:
    """Make sure that images are uint8 RGB and of one size, at least one: arrays (H, W, 3) or tensors (3, H, W).

    Returns:
        Their width and height.

    Raises:
        TypeError: They are neither, or not uint8.
        ValueError: There is none, one has another number of channels or another order of axes, or sizes differ.
    """
    if len(images) == 0:
        raise ValueError("expected at least one image, got none")
    sizes = [_size(image) for image in images]
    for width, height in sizes:
        if (width, height) != sizes[0]:
            first = f"{sizes[0][0]}x{sizes[0][1]}"
            raise ValueError(f"images of one call have one size, got {first} and {width}x{height}: call once for each size")
    return sizes[0]


def host_array(image: Pixels) -> UInt8Array:
    """Return an image on the host as an array (H, W, 3) that views it."""
    return image if isinstance(image, np.ndarray) else image.permute(1, 2, 0).numpy()


def _size(image: Pixels) -> tuple[int, int]:
    if isinstance(image, np.ndarray):
        check_rgb(image)
        return image.shape[1], image.shape[0]
    torch = sys.modules.get("torch")  # where nobody has imported it, there is no tensor
    if torch is None or not isinstance(image, torch.Tensor):
        raise TypeError(f"an image is a NumPy array, uint8 RGB (H, W, 3), or a torch.Tensor, uint8 RGB (3, H, W), got {type(image).__name__}")
    if image.dtype != torch.uint8:
        raise TypeError(f"an image holds uint8 values from 0 to 255, got {image.dtype}: multiply what is in [0, 1] by 255 and convert it")
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        channels_last = image.ndim == 3 and image.shape[2] in (3, 4)
        advice = ": the channels come first, use .permute(2, 0, 1)" if channels_last else ""
        raise ValueError(f"an image is RGB with the shape (3, H, W), got {tuple(image.shape)}{advice}")
    return image.shape[2], image.shape[1]
