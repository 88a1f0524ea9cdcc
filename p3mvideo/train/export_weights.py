"""Makes a weights file of training checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from p3mvideo.errors import ConfigError, TrainingError
from p3mvideo.train.initial_network import SIDE_HEADS
from p3mvideo.train.loop.checkpoint import load_checkpoint
from p3mvideo.weights import WeightsFile, find_weights, load_weights, save_weights


def ship(checkpoint: Path, target: Path, *, mean_with: Sequence[Path] = (), licence: str, source: str) -> WeightsFile:
    """Write the averaged weights of a checkpoint for use: without side heads, convolutions in 16 bits.

    Args:
        checkpoint: `last.pt` or `best.pt` of a run.
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
    if target.suffix != ".safetensors":
        raise ConfigError(f"{target} does not end in .safetensors", hint=f"write to {target.with_suffix('.safetensors')}")
    state = _of_run(checkpoint)
    mean = _for_use(state["average"])
    for count, path in enumerate(mean_with, start=1):
        other = _for_use(load_weights(find_weights(path)) if path.suffix == ".safetensors" else _of_run(path)["average"])
        if {name: tensor.shape for name, tensor in other.items()} != {name: tensor.shape for name, tensor in mean.items()}:
            raise TrainingError(f"{path} and {checkpoint} are not of one network", hint="average runs that went on from one another")
        mean = {name: tensor + (other[name].to(tensor.dtype) - tensor) / (count + 1) for name, tensor in mean.items()}
    options: Mapping[str, Any] = state["options"]
    arguments = {**options["network"], "side_heads": False}
    # Checkpoints of early runs do not name their network.
    variant = options.get("variant", "p3mnet-mobilenetv2")
    # Kernels in 16 bits, vectors (normalisation) in 32.
    stored = {name: tensor.to(torch.float16) if tensor.ndim > 1 else tensor for name, tensor in mean.items()}
    return save_weights(target, stored, variant=variant, arguments=arguments, licence=licence, source=source)


def _of_run(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = load_checkpoint(checkpoint)
    if not {"options", "average"} <= state.keys():
        raise TrainingError(f"{checkpoint} is no checkpoint of a training run", hint="take last.pt or best.pt of one")
    return state


def _for_use(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what inference needs: no side heads."""
    return {name: tensor for name, tensor in state_dict.items() if name not in SIDE_HEADS and not name.endswith("num_batches_tracked")}
