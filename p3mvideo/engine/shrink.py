"""Brings pictures to the network's working size."""

import cv2
import numpy as np
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.frame import UInt8Array


def shrink_on_cpu(image: Tensor, size: tuple[int, int]) -> UInt8Array:
    """Return uint8 RGB (3, H, W) as an interleaved (height, width, 3) array of `size` = (width, height), without aliasing."""
    pixels = image.permute(1, 2, 0).numpy()
    smaller = size[0] < pixels.shape[1] or size[1] < pixels.shape[0]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8)


def shrink_on_device(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return uint8 (B, 3, H, W) as float32 (B, 3, height, width) of `size` = (width, height), still in [0, 255]."""
    return F.interpolate(images.float(), (size[1], size[0]), mode="bilinear", antialias=True, align_corners=False)
