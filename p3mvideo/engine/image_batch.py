"""What an engine accepts as images, and what it says of anything else."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def check_images(images: Sequence[Tensor]) -> None:
    """Make sure that images are uint8 RGB (3, H, W) tensors of one size, at least one.

    Raises:
        TypeError: They are not uint8 tensors.
        ValueError: There is none, one has another number of channels or another order of axes, or sizes differ.
    """
    if len(images) == 0:
        raise ValueError("expected at least one image, got none")
    for image in images:
        if not isinstance(image, Tensor):
            raise TypeError(f"an image is a torch.Tensor, uint8 RGB (3, H, W), got {type(image).__name__}: torch.from_numpy(array).permute(2, 0, 1)")
        if image.dtype != torch.uint8:
            raise TypeError(f"an image holds uint8 values from 0 to 255, got {image.dtype}: multiply what is in [0, 1] by 255 and convert it")
        if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
            channels_last = image.ndim == 3 and image.shape[2] in (3, 4)
            advice = ": the channels come first, use .permute(2, 0, 1)" if channels_last else ""
            raise ValueError(f"an image is RGB with the shape (3, H, W), got {tuple(image.shape)}{advice}")
        if image.shape != images[0].shape:
            first, other = images[0].shape, image.shape
            raise ValueError(f"images of one call have one size, got {first[2]}x{first[1]} and {other[2]}x{other[1]}: call once for each size")
