"""Frozen stages on a CPU: each convolution with its batch norm and activation in one step of oneDNN.

They learn nothing, so nothing has to be kept in between. Step by step, PyTorch writes and reads tensors of 96 channels three times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {
    nn.Identity: ("none", []), nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}  # fmt: skip
"""What oneDNN calls an activation, and its parameters."""


def fuse(stages: Sequence[nn.Module]) -> None:
    """Have frozen stages, one behind the other, compute in bf16 and in fewer steps, in place; names in their state stay.

    What PyTorch's oneDNN does not know is left as it is; all of it is on processors whose oneDNN does not compute in bf16.
    """
    if not fuses():
        return
    for convolution, norm in _pairs(stages):
        act: nn.Module = getattr(norm, "act", nn.Identity())
        activation = ACTIVATIONS.get(type(act))
        if activation is not None and convolution.padding_mode == "zeros" and not isinstance(convolution.padding, str):
            convolution.forward = _fused(convolution, norm, *activation)  # type: ignore[method-assign, assignment]
            norm.forward = _unchanged  # type: ignore[method-assign, assignment]


def fuses() -> bool:
    """Return whether PyTorch's oneDNN can do these steps in bf16 here: it takes AVX-512."""
    return hasattr(torch.ops.mkldnn, "_convolution_pointwise") and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _pairs(stages: Sequence[nn.Module]) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Yield each convolution that a batch norm follows, with it."""
    convolution: nn.Conv2d | None = None
    for module in (module for stage in stages for module in stage.modules()):
        if type(module) is nn.Conv2d:  # not one that pads in a way of its own
            convolution = module
        elif isinstance(module, nn.BatchNorm2d) and convolution is not None and convolution.out_channels == module.num_features:
            yield convolution, module
            convolution = None


def _fused(convolution: nn.Conv2d, norm: nn.BatchNorm2d, activation: str, parameters: list[float]) -> Callable[[Tensor], Tensor]:
    def computed(x: Tensor) -> Tensor:
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None
        assert variance is not None
        # Made anew each time: weights may be loaded at any time, and they are few.
        scale = norm.weight * (variance + norm.eps).rsqrt()
        weight = (convolution.weight * scale.view(-1, 1, 1, 1)).bfloat16()
        bias = (norm.bias - mean * scale + (0 if convolution.bias is None else convolution.bias * scale)).bfloat16()
        settings: tuple[Any, ...] = (convolution.padding, convolution.stride, convolution.dilation, convolution.groups)
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(x.bfloat16(), weight, bias, *settings, activation, parameters, "")
        return result

    return computed


def _unchanged(x: Tensor) -> Tensor:
    return x
