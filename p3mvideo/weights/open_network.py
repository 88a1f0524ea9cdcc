"""A named network with weights from anywhere: those that are known, a weights file, or a published checkpoint as it is."""

from __future__ import annotations

from pathlib import Path

from p3mvideo.errors import ConfigError
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.weights.importer import import_network
from p3mvideo.weights.network import load_network
from p3mvideo.weights.store import find_weights

CHECKPOINT_SUFFIXES = (".pth", ".tar")


def is_checkpoint(weights: str | Path) -> bool:
    """Return whether this is the name of a published checkpoint, .pth or .pth.tar."""
    return str(weights).endswith(CHECKPOINT_SUFFIXES)


def open_network(variant: str, weights: str | Path | None = None) -> P3MNet:
    """Return a network with its weights, float32, on the CPU, in evaluation mode.

    Args:
        variant: Which network, a key of `p3mvideo.model.variants.VARIANTS`.
        weights: A weights file (.safetensors), a published checkpoint (.pth, .pth.tar), or a name of `p3mvideo weights list`; None takes the weights
            that are called as the variant.

    Raises:
        ConfigError: The weights belong to another network.
        WeightsError: They are missing or damaged.
    """
    if weights is not None and is_checkpoint(weights):
        found, network = import_network(Path(weights))
        check_variant(variant, found, weights)
        return network
    listed = find_weights(variant if weights is None else weights)
    check_variant(variant, listed.variant, listed.path)
    return load_network(listed)


def check_variant(variant: str, found: str, weights: object) -> None:
    """Make sure that weights belong to a network.

    Raises:
        ConfigError: They belong to another one.
    """
    if found != variant:
        raise ConfigError(f"{weights} holds weights of {found}, not of {variant}", hint=f"ask for {found}")
