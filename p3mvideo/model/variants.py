"""All variants of P3M-Net by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.realtime import realtime_p3mnet
from p3mvideo.model.resnet34 import p3mnet_resnet34
from p3mvideo.model.swin import p3mnet_swin_t
from p3mvideo.model.vitae import p3mnet_vitae_s

VARIANTS: dict[str, Callable[..., P3MNet]] = {
    "p3mnet-mobilenetv2": realtime_p3mnet,
    "p3mnet-resnet34": p3mnet_resnet34,
    "p3mnet-swin-t": p3mnet_swin_t,
    "p3mnet-vitae-s": p3mnet_vitae_s,
}
"""The builder of each variant; its keyword arguments are what a weights file stores."""


def build_network(variant: str, arguments: Mapping[str, Any] | None = None) -> P3MNet:
    """Build a variant with random weights.

    Args:
        variant: A key of `VARIANTS`.
        arguments: Keyword arguments of its builder.

    Raises:
        ValueError: There is no such variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"there is no network {variant!r}; known are {', '.join(VARIANTS)}")
    return VARIANTS[variant](**(arguments or {}))
