"""What JPEG compression does to batches of images (ITU-T T.81), without the entropy coding, which loses nothing."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

# ITU-T T.81, tables K.1 and K.2.
LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
CHROMINANCE = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    *[99] * 32,
)  # fmt: skip
# JFIF 1.02: luminance and both chrominances of red, green and blue.
YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def jpeg(images: Tensor, quality: Tensor) -> Tensor:
    """Return images after compression, with chrominance at half the size, as cameras and OpenCV store it.

    Args:
        images: float32 RGB (N, 3, H, W) in [0, 255], H and W multiples of 16.
        quality: float (N,) in 1 to 100, on the scale of the Independent JPEG Group.

    Returns:
        float32 RGB (N, 3, H, W), whole numbers in [0, 255].
    """
    constants = _constants(images.device)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None, None]
    tables = torch.floor((constants.tables * scale + 50) / 100).clamp_(1, 255)
    ycc = torch.einsum("ij,njhw->nihw", constants.ycbcr, images)
    luminance = _quantised(ycc[:, :1] - 128, tables[:, :1], constants.dct) + 128
    chrominance = _quantised(F.avg_pool2d(ycc[:, 1:], 2), tables[:, 1:], constants.dct)
    chrominance = F.interpolate(chrominance, scale_factor=2, mode="bilinear", align_corners=False)
    return torch.einsum("ij,njhw->nihw", constants.rgb, torch.cat([luminance, chrominance], 1)).round_().clamp_(0, 255)


def _quantised(planes: Tensor, table: Tensor, dct: Tensor) -> Tensor:
    """Round the coefficients of each 8 x 8 block of planes (N, C, H, W) to the steps of a table (N, 1, 8, 8)."""
    n, c, height, width = planes.shape
    blocks = planes.reshape(n, c, height // 8, 8, width // 8, 8)
    coefficients = torch.einsum("ui,ncyixj,vj->ncyxuv", dct, blocks, dct)
    steps = table[:, :, None, None]
    rounded = torch.round(coefficients / steps) * steps
    return torch.einsum("ui,ncyxuv,vj->ncyixj", dct, rounded, dct).reshape(n, c, height, width)


class _Constants:
    def __init__(self, device: torch.device) -> None:
        rows = [[math.cos((2 * i + 1) * u * math.pi / 16) * (math.sqrt(0.125) if u == 0 else 0.5) for i in range(8)] for u in range(8)]
        self.dct = torch.tensor(rows, device=device)
        self.tables = torch.tensor([LUMINANCE, CHROMINANCE], dtype=torch.float32, device=device).reshape(1, 2, 8, 8)
        self.ycbcr = torch.tensor(YCBCR, device=device)
        self.rgb = torch.linalg.inv(torch.tensor(YCBCR, dtype=torch.float64)).float().to(device)


@lru_cache(maxsize=8)
def _constants(device: torch.device) -> _Constants:
    return _Constants(device)
