"""All variants of P3M-Net by name. Their modules are imported when they are built: what they build on takes a second to import."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from p3mvideo.errors import DeviceError
from p3mvideo.model.arguments import check_arguments

if TYPE_CHECKING:
    from p3mvideo.model.p3mnet import P3MNet

VARIANTS: dict[str, tuple[str, str]] = {
    "p3mnet-mobilenetv2": ("encoders.realtime", "realtime_p3mnet"),
    "p3mnet-mobilenetv2-light": ("encoders.realtime", "light_p3mnet"),
    "p3mnet-mobilenetv2-small": ("encoders.realtime", "small_p3mnet"),
    "p3mnet-resnet34": ("encoders.resnet34", "p3mnet_resnet34"),
    "p3mnet-swin-t": ("encoders.swin", "p3mnet_swin_t"),
    "p3mnet-vitae-s": ("encoders.vitae", "p3mnet_vitae_s"),
}
"""The module in `p3mvideo.model` and the builder of each variant; the builder's keyword arguments are what a weights file stores."""

REALTIME_VARIANTS = frozenset(name for name, (module, _) in VARIANTS.items() if module == "encoders.realtime")
"""Those for video, which all look at images about 512 pixels large, and take any of `BACKBONES`."""


def build_network(variant: str, arguments: Mapping[str, Any] | None = None) -> P3MNet:
    """Build a variant with random weights.

    Args:
        variant: A key of `VARIANTS`.
        arguments: Keyword arguments of its builder.

    Raises:
        ValueError: There is no such variant, or its builder does not take these arguments; see `check_arguments`.
        DeviceError: The libraries that it is built on cannot be imported.
    """
    check_arguments(variant, arguments or {})
    module, builder = VARIANTS[variant]
    try:
        builders = import_module(f"p3mvideo.model.{module}")
    except (ImportError, OSError, RuntimeError) as error:
        raise DeviceError(
            f"the libraries that {variant} is built on cannot be imported: {error}",
            hint="install torch and torchvision together, from one package index: builds for the CPU and for CUDA do not mix",
        ) from error
    network: P3MNet = getattr(builders, builder)(**(arguments or {}))
    return network
