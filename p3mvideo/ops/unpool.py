"""Unpooling with the indices of a max-pool, the same on every device and exportable."""

import torch
import torch.nn.functional as F
from torch import Tensor


def unpool(x: Tensor, indices: Tensor) -> Tensor:
    """Put each value where the maximum was that a max-pool of stride 2 took; zeros elsewhere.

    The pool's windows may overlap (3x3). Several values then belong to one place, and the last of them in reading order is kept, as
    PyTorch's `max_unpool2d` does on a CPU; on a GPU that function leaves it to chance.

    Args:
        x: Values, float (B, C, h, w).
        indices: Of the max-pool over (2 h, 2 w), int64 (B, C, h, w): row * 2 w + column.

    Returns:
        (B, C, 2 h, 2 w).
    """
    batch, channels, height, width = x.shape
    # Without writing in place, which ONNX cannot express.
    around = F.pad(indices, (1, 1, 0, 1), value=-1)
    taken = indices == around[..., :height, 2:]
    for column in range(3):
        taken = taken | (indices == around[..., 1:, column : column + width])
    # Adding zeros to a value in any order gives that value, so no device can make a difference.
    kept = x.masked_fill(taken, 0).flatten(2)
    flat = torch.zeros(batch, channels, 4 * height * width, dtype=x.dtype, device=x.device)
    return flat.scatter_add(2, indices.flatten(2), kept).view(batch, channels, 2 * height, 2 * width)
