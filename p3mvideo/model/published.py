"""The published checkpoint layouts, mapped onto ours. Pure functions on dictionaries; nothing is read here.

Three layouts exist. Swin-T and ViTAE-S keep `encoder.` and `decoder.`, as we do. ResNet-34 keeps its decoders flat at the top and
its encoder twice, under `resnet.` and under `encoder0.` to `encoder4.`; of the two copies one is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Variant = Literal["p3mnet-resnet34", "p3mnet-swin-t", "p3mnet-vitae-s"]

SIGNS: dict[str, Variant] = {
    "resnet.conv1.weight": "p3mnet-resnet34",
    "encoder.patch_embed.proj1.weight": "p3mnet-swin-t",
    "encoder.layers.0.RC.proj1.weight": "p3mnet-vitae-s",
}
"""A key that only one network has."""
BACKBONE_SIGNS: dict[str, Variant] = {
    "layer4.2.conv2.weight": "p3mnet-resnet34",
    "patch_embed.proj1.weight": "p3mnet-swin-t",
    "layers.0.RC.proj1.weight": "p3mnet-vitae-s",
}
"""A key that only one ImageNet backbone has."""

ALIASES = {
    "encoder0.0.": "resnet.conv1.",
    "encoder0.1.": "resnet.bn1.",
    "encoder1.0.": "resnet.layer1.",
    "encoder2.": "resnet.layer2.",
    "encoder3.": "resnet.layer3.",
    "encoder4.": "resnet.layer4.",
}
"""The second name of each part of the ResNet-34 encoder, and the first."""

CLASSIFIERS = ("encoder.fc.", "encoder.head.")
RECOMPUTED = (".attn_mask", ".relative_position_index")
OPTIONAL = (".projection", ".num_batches_tracked")
PERFORMER_NORM = ".attn.norm1."
"""Exists in the first stage of ViTAE-S and is never used."""


@dataclass(frozen=True)
class Recognised:
    """A checkpoint of a published network in our layout."""

    variant: Variant
    """Which network it belongs to."""
    backbone: bool
    """Whether it holds the encoder only."""
    state_dict: dict[str, Tensor]
    """One copy of each tensor, under our names."""


def recognise(published: Mapping[str, Tensor]) -> Recognised | None:
    """Return a published checkpoint in our layout, None if it is none of the published networks.

    Missing and surplus tensors are not looked for here; see `misfits`.

    Raises:
        ValueError: Both copies of an encoder tensor exist and differ.
    """
    for sign, variant in SIGNS.items():
        if sign in published:
            ours = _flat(published) if variant == "p3mnet-resnet34" else dict(published)
            return Recognised(variant, False, _without_unused(ours))
    for sign, variant in BACKBONE_SIGNS.items():
        if sign in published:
            return Recognised(variant, True, _without_unused({f"encoder.{key}": value for key, value in published.items()}))
    return None


def misfits(ours: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """Describe what a mapped checkpoint lacks, has too much, or has in another shape or type than `expected`.

    The random projections of ViTAE-S may be missing, for no published checkpoint holds them; so may batch-norm's counters.
    """
    common = [key for key in expected if key in ours]
    return [
        *(f"{key} is missing" for key in expected if key not in ours and not key.endswith(OPTIONAL)),
        *(f"{key} is unknown" for key in ours if key not in expected),
        *(
            f"{key} has the shape {tuple(ours[key].shape)} instead of {tuple(expected[key].shape)}"
            for key in common
            if ours[key].shape != expected[key].shape
        ),
        *(
            f"{key} has the type {ours[key].dtype} instead of {expected[key].dtype}"
            for key in common
            if ours[key].is_floating_point() != expected[key].is_floating_point()
        ),
    ]


def _flat(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bring the ResNet-34 layout to ours."""
    ours: dict[str, Tensor] = {}
    for key, value in published.items():
        name = _first_name(key)
        if name != key and name in published and not torch.equal(published[name], value):
            raise ValueError(f"{key} and {name} are two copies of one tensor, but differ")
        ours[f"encoder.{name.removeprefix('resnet.')}" if name.startswith("resnet.") else f"decoder.{name}"] = value
    return ours


def _first_name(key: str) -> str:
    for alias, name in ALIASES.items():
        if key.startswith(alias):
            return name + key.removeprefix(alias)
    return key


def _without_unused(ours: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        key: value for key, value in ours.items() if not key.startswith(CLASSIFIERS) and not key.endswith(RECOMPUTED) and PERFORMER_NORM not in key
    }
