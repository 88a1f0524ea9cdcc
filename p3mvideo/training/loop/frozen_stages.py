"""Leaves the first stages of a pretrained backbone as they are.

They hold the largest tensors, and what they find (edges, textures) is much the same for every task.
"""

from __future__ import annotations

from torch import nn

from p3mvideo.errors import ConfigError
from p3mvideo.model.p3mnet import P3MNet


def first_stages(network: P3MNet, count: int) -> list[nn.Module]:
    """Return the modules of the first stages of a network's backbone: the stem, then one stage after the other.

    Raises:
        ConfigError: The network has no backbone with this many stages.
    """
    if not count:
        return []
    backbone = getattr(network.encoder, "backbone", None)
    stem, norm, blocks = (getattr(backbone, name, None) for name in ("conv_stem", "bn1", "blocks"))
    if not isinstance(stem, nn.Module) or not isinstance(norm, nn.Module) or not isinstance(blocks, nn.Sequential):
        raise ConfigError("only backbones of the MobileNet and EfficientNet families can be frozen", hint="leave --frozen out")
    if count > 1 + len(blocks):
        raise ConfigError(f"the backbone has {1 + len(blocks)} stages with its stem, {count} cannot be frozen", hint=f"use --frozen {len(blocks)}")
    return [stem, norm, *blocks[: count - 1]]


def freeze(stages: list[nn.Module]) -> None:
    """Keep modules from being trained; after `network.train()` they need `hold` again."""
    for stage in stages:
        stage.requires_grad_(False)
    hold(stages)


def hold(stages: list[nn.Module]) -> None:
    """Have modules normalise by their running statistics, and leave those alone."""
    for stage in stages:
        stage.eval()
