"""Trimap classes of batches, as `p3mvideo.ops.trimap` makes trimaps of single mattes."""

from __future__ import annotations

import torch
from torch import Tensor


def trimap_classes(alpha: Tensor, kernel_px: Tensor, largest_px: int) -> Tensor:
    """Return the classes of mattes: 0 background, 1 transition, 2 foreground.

    Args:
        alpha: uint8 (B, S, S), 255 is opaque.
        kernel_px: float (B,), the width of the disc that widens each matte's transition area.
        largest_px: What none of `kernel_px` exceeds.

    Returns:
        uint8 (B, S, S).
    """
    shown, not_opaque = alpha > 0, alpha < 255
    reach = largest_px // 2
    to_both = squared_distance(torch.cat([shown, not_opaque]), reach)
    within = torch.floor(((kernel_px - 1) / 2) ** 2 + 0.25).to(to_both.dtype)[:, None, None]
    near_shown, near_not_opaque = to_both[: len(alpha)] <= within, to_both[len(alpha) :] <= within
    return near_shown.to(torch.uint8) + (near_shown & ~near_not_opaque).to(torch.uint8)


def squared_distance(mask: Tensor, reach: int) -> Tensor:
    """Return the squared distance of each pixel to the nearest true one, exact up to `reach`, larger than its square beyond.

    The lower envelope of parabolas (Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", 2012), first along rows, then
    along columns; as no distance exceeds `reach`, every shift is tried.

    Args:
        mask: bool (N, H, W).
        reach: In pixels.

    Returns:
        Integers (N, H, W).
    """
    far = reach**2 + 1
    dtype = torch.uint8 if far + reach**2 <= 255 else torch.int16
    rows = torch.full_like(mask, far, dtype=dtype)
    for shift in range(min(reach, mask.shape[2] - 1), 0, -1):
        rows[..., shift:].masked_fill_(mask[..., :-shift], shift**2)
        rows[..., :-shift].masked_fill_(mask[..., shift:], shift**2)
    rows.masked_fill_(mask, 0)
    result = rows.clone()
    for shift in range(1, min(reach, mask.shape[1] - 1) + 1):
        moved = rows + shift**2
        torch.minimum(result[:, shift:], moved[:, :-shift], out=result[:, shift:])
        torch.minimum(result[:, :-shift], moved[:, shift:], out=result[:, :-shift])
    return result
