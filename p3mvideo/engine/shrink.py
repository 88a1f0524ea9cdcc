"""Brings images to the network's working size."""

import cv2
import numpy as np
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.frame import UInt8Array


def shrink_on_cpu(image: Tensor, size: tuple[int, int]) -> UInt8Array:
    """Return uint8 RGB (3, H, W) as an interleaved (height, width, 3) array of `size` = (width, height), without aliasing.

    Large images are halved first: OpenCV's mean of 2 x 2 pixels is many times as fast as its means of broken numbers of them.
    """
    pixels = image.permute(1, 2, 0).numpy()
    width, height = size
    while pixels.shape[1] >= 2 * width and pixels.shape[0] >= 2 * height and pixels.shape[0] % 2 == pixels.shape[1] % 2 == 0:
        pixels = cv2.resize(pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2), interpolation=cv2.INTER_AREA)
    # Between one and one and a half bilinear sampling skips no pixel worth mentioning.
    aliases = max(pixels.shape[1] / width, pixels.shape[0] / height) > 1.5
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if aliases else cv2.INTER_LINEAR), np.uint8)


def shrink_on_device(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return uint8 (B, 3, H, W) as float32 (B, 3, height, width) of `size` = (width, height), still in [0, 255]."""
    return F.interpolate(images.float(), (size[1], size[0]), mode="bilinear", antialias=True, align_corners=False)
