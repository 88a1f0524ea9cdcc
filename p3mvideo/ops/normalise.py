"""From pictures to network input."""

import torch
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def normalise(image: Tensor) -> Tensor:
    """Return uint8 RGB (B, 3, H, W) as ImageNet-normalised float32 of the same shape."""
    mean = torch.tensor(IMAGENET_MEAN, device=image.device).mul_(255).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=image.device).mul_(255).view(1, 3, 1, 1)
    return (image.float() - mean) / std
