"""Images that lie decoded on the device at several sizes, and are sampled anywhere in batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 4
"""Each level has half the sides of the one before it: people down to a tenth of their size come without aliasing."""


def level_for(scale: float) -> int:
    """Return the level to sample from where an image is enlarged by `scale`; bilinear sampling shrinks the rest, to 0.57 at least."""
    level = 0
    while scale < 0.57 and level < LEVELS - 1:
        scale, level = 2 * scale, level + 1
    return level


class ImageStack:
    """Images of one kind.

    Args:
        canvases: uint8 (N, C, P, P), P a multiple of 8: each image in the upper left corner, its right and lower border repeated up to the end.
        device: Where they lie from now on.
    """

    def __init__(self, canvases: Tensor, device: torch.device) -> None:
        if canvases.dtype != torch.uint8 or canvases.ndim != 4 or canvases.shape[2] != canvases.shape[3] or canvases.shape[3] % 2 ** (LEVELS - 1):
            raise ValueError(f"expected uint8 (N, C, P, P) with P a multiple of {2 ** (LEVELS - 1)}, got {canvases.dtype} {tuple(canvases.shape)}")
        self.side = canvases.shape[3]
        self._levels = [canvases.to(device)]
        for _ in range(LEVELS - 1):
            self._levels.append(torch.cat([_halved(part) for part in torch.split(self._levels[-1], 64)]) if len(canvases) else self._levels[-1])

    def __len__(self) -> int:
        return len(self._levels[0])

    def nbytes(self) -> int:
        """Return how much memory all levels take."""
        return sum(level.nbytes for level in self._levels)

    def sample(self, numbers: Tensor, per_level: Sequence[int], x: Tensor, y: Tensor, channels: slice = slice(None)) -> Tensor:
        """Sample some images bilinearly; beyond their borders these are repeated.

        Args:
            numbers: int64 (K,), which images: first those to be sampled from level 0, then those from level 1, and so on.
            per_level: How many of them each level has.
            x: Where to sample, float (K, h, w) in pixels of level 0, whose centres are whole numbers.
            y: Likewise.
            channels: Which of the C channels.

        Returns:
            float32 (K, channels, h, w) in [0, 255].
        """
        grid = torch.stack([x, y], -1).mul_(2 / self.side).add_(1 / self.side - 1)
        parts, begin = [], 0
        for level, count in zip(self._levels, per_level, strict=True):
            if count:
                chosen = level[:, channels].index_select(0, numbers[begin : begin + count]).float()
                parts.append(F.grid_sample(chosen, grid[begin : begin + count], padding_mode="border", align_corners=False))
            begin += count
        return torch.cat(parts) if len(parts) > 1 else parts[0]


def _halved(images: Tensor) -> Tensor:
    return F.avg_pool2d(images.float(), 2).round_().to(torch.uint8)


def inside(x: Tensor, y: Tensor, width: Tensor, height: Tensor, step: Tensor) -> Tensor:
    """Return how much of a bilinear sample lies inside its image, in [0, 1]: what it is multiplied with where zeros surround the image.

    Args:
        x: float (K, h, w) in pixels of level 0.
        y: Likewise.
        width: Of the images, (K, 1, 1).
        height: Likewise.
        step: Pixels of level 0 in one of the sampled level, (K, 1, 1).
    """
    across = ((x + 0.5) / step + 0.5).clamp_(0, 1) * ((width - 0.5 - x) / step + 0.5).clamp_(0, 1)
    return across * ((y + 0.5) / step + 0.5).clamp_(0, 1) * ((height - 0.5 - y) / step + 0.5).clamp_(0, 1)


def coordinates(affine: Tensor, size_px: int) -> tuple[Tensor, Tensor]:
    """Return x and y, (K, S, S) each, that affine maps (K, 2, 3) give for every pixel of a square."""
    axis = torch.arange(size_px, device=affine.device, dtype=torch.float32)
    rows, columns = axis[None, :, None], axis[None, None, :]
    a = affine[..., None, None]
    x = torch.addcmul(torch.addcmul(a[:, 0, 2], a[:, 0, 0], columns), a[:, 0, 1], rows)
    return x, torch.addcmul(torch.addcmul(a[:, 1, 2], a[:, 1, 0], columns), a[:, 1, 1], rows)
