"""The same as `guided_refiner` in PyTorch, for frames on an accelerator."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.engine.guided_refiner import EPSILON, RADIUS_PX

LUMA = (0.299, 0.587, 0.114)


def refine_on_device(image: Tensor, alpha: Tensor) -> Tensor:
    """Return alpha (1, h, w) in [0, 1] at the size of an image, uint8 RGB (3|4, H, W), with edges that follow it: (1, H, W)."""
    small = alpha[None]
    weights = torch.tensor(LUMA, device=image.device).view(1, 3, 1, 1)
    grey = (image[None, :3].float() * weights).sum(1, keepdim=True).round() / 255
    guide = area_means(grey, (small.shape[2], small.shape[3]))

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(x, (RADIUS_PX,) * 4, mode="replicate"), 2 * RADIUS_PX + 1, 1)

    guide_mean, alpha_mean = mean(guide), mean(small)
    slope = mean((mean(guide * small) - guide_mean * alpha_mean) / (mean(guide * guide) - guide_mean**2 + EPSILON))
    offset = small - slope * guide

    def enlarge(x: Tensor) -> Tensor:
        return F.interpolate(x, image.shape[1:], mode="bilinear", align_corners=False)

    return (enlarge(slope) * grey + enlarge(offset)).clamp(0, 1)[0]


def area_means(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return images (B, C, H, W) at a size (height, width), as `F.interpolate` with mode="area" makes them.

    Apple's GPUs do that for sizes that divide only.
    """
    rows, columns = (_means(images.shape[axis], size[axis], images.device) for axis in (-2, -1))
    return rows @ images @ columns.T


@lru_cache(maxsize=16)
def _means(length: int, pooled: int, device: torch.device) -> Tensor:
    """Return a matrix (pooled, length) that takes means along an axis."""
    with torch.inference_mode(False):  # it is kept, and may be used outside of it
        cells, places = torch.arange(pooled)[:, None], torch.arange(length)
        inside = (places >= cells * length // pooled) & (places < ((cells + 1) * length + pooled - 1) // pooled)
        return (inside.float() / inside.sum(1, keepdim=True)).to(device)
