"""Batch normalisation over the batches of all processes, on every device (PyTorch's own needs a GPU and knows no fused activations)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SyncedBatchNorm(nn.Module):
    """A `BatchNorm2d`, with what may be fused behind it, whose statistics come from all processes.

    Args:
        norm: The layer to stand in for; its parameters and buffers are shared.
        total: Returns the sum of a tensor over all processes, with gradients.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm2d, total: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        if norm.momentum is None or norm.running_mean is None or norm.running_var is None:
            raise ValueError("only batch-norm layers with running statistics can be synchronised")
        self.weight, self.bias, self.eps, self.momentum = norm.weight, norm.bias, norm.eps, norm.momentum
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))
        self._total = total
        # timm fuses an activation and a drop-out layer into its batch-norm; neither has parameters.
        fused = (getattr(norm, "drop", None), getattr(norm, "act", None))
        self.after = nn.Sequential(*(layer for layer in fused if isinstance(layer, nn.Module)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        if not self.training:
            normalised = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        else:
            normalised = self._normalised(x.float()).to(x.dtype)
        result: Tensor = self.after(normalised)
        return result

    def _normalised(self, x: Tensor) -> Tensor:
        # Both sums in one exchange; about the running mean, so that squares do not swallow the variance.
        about = self.running_mean.clone()
        shifted = x - about.view(1, -1, 1, 1)
        local = torch.full((1,), x.numel() / x.shape[1], device=x.device)
        sums = self._total(torch.cat([shifted.sum((0, 2, 3)), (shifted * shifted).sum((0, 2, 3)), local]))
        count = sums[-1].detach()
        shift, square = (sums[:-1] / count).chunk(2)
        variance = (square - shift * shift).clamp_min(0)
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(about + shift, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scale = (variance + self.eps).rsqrt() * self.weight
        return shifted * scale.view(1, -1, 1, 1) + (self.bias - shift * scale).view(1, -1, 1, 1)


def synchronise_norms(module: nn.Module, total: Callable[[Tensor], Tensor]) -> None:
    """Replace every `BatchNorm2d` inside a network, in place; the names in its state stay.

    Args:
        module: The network.
        total: See `SyncedBatchNorm`.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, SyncedBatchNorm(child, total))
        else:
            synchronise_norms(child, total)
