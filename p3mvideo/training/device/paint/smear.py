"""Hides faces on the device, as `p3mvideo.privacy.cover.smear` does, and places that are taken for faces."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.privacy.cover.smear import SIDE_OF_BORDERS, SMEAR


def smeared(colours: Tensor, weight: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Return the colours of faces as `p3mvideo.privacy.cover.smear` leaves them, (K, 3, S, S): few of them along a side, smoothly joined.

    Args:
        colours: (K, 3, S, S).
        weight: (K, S, S), 1 on the face, else 0.
        across: Where every pixel lies in the box of the face, in [0, 1] inside of it, (K, S, S).
        down: Likewise.
    """
    cells = SMEAR.cells
    column, row = ((place * cells).long().clamp_(0, cells - 1) for place in (across, down))
    cell = (row * cells + column).flatten(1)
    count = torch.zeros(len(cell), cells * cells, device=cell.device).scatter_add_(1, cell, weight.flatten(1))
    total = torch.zeros(len(cell), 3, cells * cells, device=cell.device)
    total.scatter_add_(2, cell[:, None].expand(-1, 3, -1), (colours * weight[:, None]).flatten(2))
    mean = total.sum(2, keepdim=True) / count.sum(1)[:, None, None].clamp_min(1)
    # A cell of which nothing is seen has the colour of all.
    means = torch.where(count[:, None] > 0, total / count[:, None].clamp_min(1), mean).view(-1, 3, cells, cells)
    return F.grid_sample(means, torch.stack([across, down], -1).mul(2).sub_(1), padding_mode="border", align_corners=False)


def paint_false_covers(image: Tensor, covers: Any) -> None:
    """Smear ellipses in some scenes, in place.

    Args:
        image: RGB, float32 (B, 3, S, S) in [0, 255].
        covers: `FalseCovers` on the device.
    """
    axis = torch.arange(image.shape[-1], device=image.device, dtype=torch.float32)
    dx, dy = axis[None, None, :] - covers.middle[:, 0, None, None], axis[None, :, None] - covers.middle[:, 1, None, None]
    cos, sin = covers.angle.cos()[:, None, None], covers.angle.sin()[:, None, None]
    half = covers.half.clamp_min(1)
    half_x, half_y, longer = (side[:, None, None] for side in (half[:, 0], half[:, 1], half.amax(1)))
    u, v = (dx * cos + dy * sin) / half_x, (dy * cos - dx * sin) / half_y
    from_middle = torch.hypot(u, v).clamp_min(1e-3)
    outside = (from_middle - 1) * from_middle / torch.hypot(u / half_x, v / half_y).clamp_min(1e-6)  # pixels, to first order
    soft = (2 * longer / SIDE_OF_BORDERS).clamp_min(1)
    weight = torch.where(outside <= 0, 1.0, 0.5 * (1 - outside / soft).clamp_min(0))
    # Its colours are those of the square around it, as those of a patch are in the program.
    across, down = (dx / (2 * longer) + 0.5).expand_as(u), (dy / (2 * longer) + 0.5).expand_as(u)
    within = (across >= 0) & (across <= 1) & (down >= 0) & (down <= 1)
    before = image[covers.scene]
    image.index_copy_(0, covers.scene, before.lerp(smeared(before, within.float(), across, down), weight[:, None]))
