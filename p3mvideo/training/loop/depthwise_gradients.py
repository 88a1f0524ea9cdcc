"""Gradients of 5x5 depth-wise kernels in bf16 on a CPU.

oneDNN has a fast kernel for the weight gradient of 3x3 depth-wise convolutions in bf16, and none for 5x5: 480 channels at 24 px take 2 ms for 16
samples with the one, 130 ms with the other. A convolution is linear in its kernel, so the gradient of a 5x5 kernel is put together from those of
four 3x3 kernels, one at each of its corners.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGE, SMALL = 5, 3
"""Sides of kernels whose gradients are slow, and of those whose are fast."""
PADDING = LARGE // 2


def gather_depthwise_gradients(network: nn.Module) -> None:
    """Have 5x5 depth-wise convolutions of stride 1 that are trained gather their weight gradients from small ones under autocast, in place.

    What they return stays the same.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and _is_slow(module):
            module.forward = _gathering(module)  # type: ignore[method-assign, assignment]


def _is_slow(module: nn.Conv2d) -> bool:
    is_depthwise = module.groups == module.in_channels == module.out_channels > 1 and module.bias is None
    is_plain = module.stride == (1, 1) and module.dilation == (1, 1) and module.padding_mode == "zeros"
    return is_depthwise and is_plain and module.kernel_size == (LARGE, LARGE) and module.padding == (PADDING, PADDING) and module.weight.requires_grad


def _gathering(module: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    usual = module.forward

    def computed(x: Tensor) -> Tensor:
        device = x.device.type
        if not torch.is_autocast_enabled(device) or not torch.is_grad_enabled():
            return usual(x)
        dtype = torch.get_autocast_dtype(device)
        result: Tensor = _Depthwise.apply(x.to(dtype), module.weight.to(dtype))
        return result

    return computed


class _Depthwise(torch.autograd.Function):
    """A 5x5 depth-wise convolution of stride 1, padded with zeros."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor) -> Tensor:
        context.save_for_backward(x, weight)
        return F.conv2d(x, weight, padding=PADDING, groups=len(weight))

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor]:
        (gradient,) = gradients
        x, weight = context.saved_tensors
        of_x = _gradient(gradient, x, weight, padding=PADDING, of_x=True) if context.needs_input_grad[0] else None
        return of_x, _weight_gradient(gradient, x, weight)


def _weight_gradient(gradient: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Return the gradient of a kernel, (C, 1, 5, 5)."""
    padded, last = F.pad(x, (PADDING,) * 4), LARGE - SMALL
    height, width = (side + SMALL - 1 for side in gradient.shape[-2:])  # what a small kernel sees
    small, result = weight[..., :SMALL, :SMALL].contiguous(), torch.empty_like(weight)
    for top in (0, last):
        for left in (0, last):
            seen = padded[..., top : top + height, left : left + width].contiguous(memory_format=torch.channels_last)
            result[..., top : top + SMALL, left : left + SMALL] = _gradient(gradient, seen, small, padding=0, of_x=False)
    return result


def _gradient(gradient: Tensor, x: Tensor, weight: Tensor, *, padding: int, of_x: bool) -> Tensor:
    """Return the gradient of a depth-wise convolution's input, or of its kernel."""
    one, no = [1, 1], [0, 0]
    found = torch.ops.aten.convolution_backward(gradient, x, weight, None, one, [padding] * 2, one, False, no, len(weight), [of_x, not of_x, False])
    result: Tensor = found[0 if of_x else 1]
    return result
