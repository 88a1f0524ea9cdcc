"""From images to network input."""

from functools import lru_cache

import torch
from torch import Tensor

from p3mvideo.ops.imagenet import IMAGENET_MEAN, IMAGENET_STD


def normalise(image: Tensor) -> Tensor:
    """Return uint8 RGB (B, 3, H, W) as ImageNet-normalised float32 of the same shape."""
    mean, std = _constants(image.device)
    return (image.float() - mean) / std


@lru_cache(maxsize=8)
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of 8-bit levels, (1, 3, 1, 1). Uploading them for each batch would wait for the device."""
    with torch.inference_mode(False):
        mean = torch.tensor(IMAGENET_MEAN, device=device).mul_(255).view(1, 3, 1, 1)
        return mean, torch.tensor(IMAGENET_STD, device=device).mul_(255).view(1, 3, 1, 1)
