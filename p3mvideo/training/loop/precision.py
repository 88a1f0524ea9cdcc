"""What a device computes in while it trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from p3mvideo.errors import ConfigError, DeviceError

Precision = Literal["f32", "bf16", "f16"]

CPU_BF16 = ("avx512_bf16", "amx_bf16")


def choose_precision(precision: Precision | Literal["auto"], device: torch.device) -> Precision:
    """Return the precision to train in: what was asked for, or for "auto" what suits the device.

    Args:
        precision: f32, bf16, f16 or auto: bf16 where the device computes in it, else f16 on a GPU, else f32.
        device: Where to train.

    Raises:
        ConfigError: There is no such precision.
        DeviceError: The device does not compute in it.
    """
    if precision not in ("auto", "f32", "bf16", "f16"):
        raise ConfigError(f"there is no precision {precision!r}", hint="auto, f32, bf16 or f16")
    if precision == "f16" and device.type == "cpu":
        raise DeviceError("a CPU does not train in f16", hint="use --precision bf16 or f32")
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise DeviceError(f"{torch.cuda.get_device_name(device)} does not compute in bf16", hint="use --precision f16 or f32")
    if precision != "auto":
        return precision
    if device.type == "mps":
        return "f32"
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "f16"
    return "bf16" if _cpu_computes_in_bf16() else "f32"


def _cpu_computes_in_bf16() -> bool:
    find = getattr(torch.cpu, "get_capabilities", None)  # newer versions of PyTorch have it
    return find is not None and any(find().get(name, False) for name in CPU_BF16)


def keep_strided_depthwise_in_f32(network: nn.Module) -> None:
    """Have depth-wise convolutions with a stride that are trained compute in f32 under autocast, and return what they were given.

    For a CPU: oneDNN has no fast kernel for their gradients in bf16 (96 channels at 128 px: 23 ms a sample, 4 in f32).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1 and module.stride[0] > 1 and module.weight.requires_grad:
            module.forward = _in_f32(module.forward)  # type: ignore[method-assign, assignment]


def _in_f32(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def computed(x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return forward(x.float()).to(x.dtype)

    return computed
