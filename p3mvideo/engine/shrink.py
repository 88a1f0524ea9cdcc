"""Brings images to the network's working size."""

import torch.nn.functional as F
from torch import Tensor

from p3mvideo.frame import UInt8Array
from p3mvideo.ops.shrink import shrunk


def shrink_on_cpu(image: Tensor, size: tuple[int, int]) -> UInt8Array:
    """Return uint8 RGB (3, H, W) as an interleaved (height, width, 3) array of `size` = (width, height), without aliasing."""
    return shrunk(image.permute(1, 2, 0).numpy(), size)


def shrink_on_device(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return uint8 (B, 3, H, W) as float32 (B, 3, height, width) of `size` = (width, height), still in [0, 255]."""
    return F.interpolate(images.float(), (size[1], size[0]), mode="bilinear", antialias=True, align_corners=False)
