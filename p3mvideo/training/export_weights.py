"""Makes a weights file of training checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from p3mvideo.errors import ConfigError, TrainingError
from p3mvideo.model.arguments import check_arguments
from p3mvideo.training.initial_network import SIDE_HEADS
from p3mvideo.training.loop.checkpoint import average_of, load_checkpoint
from p3mvideo.weights import WeightsFile, find_weights
from p3mvideo.weights.tensors import load_weights, save_weights


def ship(checkpoint: Path, target: Path, *, mean_with: Sequence[Path] = (), licence: str, source: str) -> WeightsFile:
    """Write the averaged weights of a checkpoint for use: without side heads, convolutions in 16 bits.

    Args:
        checkpoint: `last.pt` or `best.pt` of a run, or a weights file.
        target: The weights file, `.safetensors`.
        mean_with: Further checkpoints, or weights files, of runs that went on from one another: the mean of all is shipped. It is often
            better than each ("Model soups", Wortsman et al., 2022).
        licence: Under which terms the weights may be used.
        source: How they were made.

    Raises:
        ConfigError: The file's name has another ending.
        TrainingError: A checkpoint cannot be read, or is none of a run, or of another network than the first.
        WeightsError: The file cannot be written.
    """
    _check_name(target)
    mean, options = _read(checkpoint)
    for count, path in enumerate(mean_with, start=1):
        other, _ = _read(path)
        if {name: tensor.shape for name, tensor in other.items()} != {name: tensor.shape for name, tensor in mean.items()}:
            raise TrainingError(f"{path} and {checkpoint} are not of one network", hint="average runs that went on from one another")
        mean = {name: tensor + (other[name] - tensor) / (count + 1) for name, tensor in mean.items()}
    return ship_weights(mean, options, target, licence=licence, source=source)


def ship_weights(weights: Mapping[str, Tensor], options: Mapping[str, Any], target: Path, *, licence: str, source: str) -> WeightsFile:
    """Write the weights of a network in training for use: without side heads, convolutions in 16 bits.

    Args:
        weights: Tensors by name, on any device.
        options: Those of the run, as its checkpoint holds them.
        target: The weights file, `.safetensors`.
        licence: Under which terms the weights may be used.
        source: How they were made.

    Raises:
        ConfigError: The file's name has another ending.
        WeightsError: The file cannot be written.
    """
    _check_name(target)
    arguments = {**options["network"], "side_heads": False}
    # Checkpoints of early runs do not name their network.
    variant = options.get("variant", "p3mnet-mobilenetv2")
    try:
        check_arguments(variant, arguments)
    except ValueError as error:
        raise TrainingError(f"the run describes no network of this program: {error}") from error
    # Kernels in 16 bits, vectors (normalisation) in 32.
    stored = {name: tensor.to(torch.float16) if tensor.ndim > 1 else tensor for name, tensor in _for_use(weights).items()}
    return save_weights(target, stored, variant=variant, arguments=arguments, licence=licence, source=source)


def _check_name(target: Path) -> None:
    if target.suffix != ".safetensors":
        raise ConfigError(f"{target} does not end in .safetensors", hint=f"write to {target.with_suffix('.safetensors')}")


def _read(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """Return the averaged weights of a checkpoint, or those of a weights file, in 32 bits, and the options of their run."""
    options: object
    if path.suffix == ".safetensors":
        file = find_weights(path)
        weights, options = load_weights(file), {"variant": file.variant, "network": file.arguments}
    else:
        state = load_checkpoint(path)
        weights, options = average_of(path, state), state.get("options")
    if not isinstance(options, dict) or not isinstance(options.get("network"), dict):
        raise TrainingError(f"{path} does not say which network was trained", hint="take last.pt or best.pt of a run")
    return {name: tensor.float() for name, tensor in _for_use(weights).items()}, options


def _for_use(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what inference needs: no side heads."""
    return {name: tensor for name, tensor in state_dict.items() if name not in SIDE_HEADS and not name.endswith("num_batches_tracked")}
