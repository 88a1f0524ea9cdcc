"""Batch normalisation over the batches of all processes, on every device (PyTorch's own needs a GPU and knows no fused activations)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class SyncedBatchNorm(nn.Module):
    """A `BatchNorm2d`, with what may be fused behind it, whose statistics come from all processes.

    Args:
        norm: The layer to stand in for; its parameters and buffers are shared.
        total: Returns the sum of a tensor over all processes; no gradient goes through it.
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
        if self.training:
            mean, variance, count = self._statistics(x.detach())
            normalised = cast(Tensor, _Normalised.apply(x, self.weight, self.bias, mean, variance, count, self.eps, self._total))
        else:
            normalised = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        result: Tensor = self.after(normalised)
        return result

    @torch.no_grad()
    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and variance (C,) of each channel, and the number of pixels (1,), over all processes; follow the running ones."""
        about = self.running_mean.clone()
        # The running statistics are not changed here; without any, those of 16-bit values would have 16 bits.
        mean, variance = torch.batch_norm_update_stats(x, about, self.running_var, 0.0)
        # Both sums in one exchange; about the running mean, so that squares do not swallow the variance.
        shift = mean - about
        own = torch.full((1,), x.numel() / x.shape[1], device=x.device)
        sums = self._total(torch.cat([own * shift, own * (variance + shift * shift), own]))
        count = sums[-1:]
        shift, square = (sums[:-1] / count).chunk(2)
        variance = (square - shift * shift).clamp_min(0)
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(about + shift, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return about + shift, variance, count


class _Normalised(torch.autograd.Function):
    """Normalises by statistics of all processes, and knows that they come from what it normalises.

    Every step is one of PyTorch's own kernels for batch norm, which read and write 16 bits and compute in 32: put together from sums and products of
    whole tensors, it takes several times as long on a CPU, where memory decides.
    """

    @staticmethod
    def forward(
        context: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, count: Tensor, eps: float,
        total: Callable[[Tensor], Tensor],
    ) -> Tensor:  # fmt: skip
        context.save_for_backward(x, weight, mean, variance, count)
        context.eps, context.total = eps, total
        return F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance, count = context.saved_tensors
        deviation = (variance + context.eps).rsqrt()
        _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, None, None, False, context.eps, [False, True, True]
        )
        of_x = None
        if context.needs_input_grad[0]:
            # Ioffe and Szegedy, arXiv 1502.03167, section 3: what reaches x directly, less what it does to variance and mean.
            through_variance, through_mean = (context.total(torch.cat([of_weight, of_bias])) / count).chunk(2)
            scale = weight * deviation
            slope = -scale * deviation * through_variance
            of_x = _affine(x, slope, -scale * through_mean - slope * mean).add_(_affine(gradient, scale, torch.zeros_like(scale)))
        return of_x, of_weight, of_bias, None, None, None, None, None


def _affine(x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    """Return x (B, C, H, W) times `scale` (C,) plus `offset` (C,)."""
    return F.batch_norm(x, torch.zeros_like(scale), torch.ones_like(scale), scale, offset, False, 0.0, 0.0)


def synchronise_norms(module: nn.Module, total: Callable[[Tensor], Tensor]) -> None:
    """Replace every `BatchNorm2d` inside a network that is trained, in place; the names in its state stay.

    Args:
        module: The network.
        total: See `SyncedBatchNorm`.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            if child.weight.requires_grad:  # one that is frozen normalises by what it learnt before
                setattr(module, name, SyncedBatchNorm(child, total))
        else:
            synchronise_norms(child, total)
