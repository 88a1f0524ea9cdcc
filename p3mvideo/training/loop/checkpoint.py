"""Files that training can go on from, replaced in one step so that a crash never leaves half of one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from p3mvideo.errors import TrainingError
from p3mvideo.files.atomic_write import atomic_file


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state; the file at `path` is either the old one or the whole new one.

    Raises:
        TrainingError: It cannot be written; the old file is intact.
    """
    try:
        with atomic_file(path) as file:
            torch.save(state, file)
    except (OSError, RuntimeError) as error:
        raise TrainingError(f"cannot write the checkpoint {path}: {error}", hint="free some space; the last checkpoint is intact") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a state. PyTorch's restricted reader runs no code of the file.

    Raises:
        TrainingError: The file is missing, damaged, or holds no state.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the reader comments on old formats
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or hostile file makes the reader stumble over
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise TrainingError(f"cannot read the checkpoint {path}: {reason}", hint="resume from another one, or start again") from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise TrainingError(f"{path} is no checkpoint of a training run, it holds a {type(state).__name__}", hint="take last.pt or best.pt of one")
    return state


def average_of(path: Path, state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the averaged weights in the state that was read from a file.

    Raises:
        TrainingError: It has none, or they are not finite.
    """
    average = state.get("average")
    if not isinstance(average, dict) or not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in average.items()):
        raise TrainingError(f"{path} is no checkpoint of a training run: it has no averaged weights", hint="take last.pt or best.pt of one")
    infinite = [name for name, value in average.items() if value.is_floating_point() and not value.isfinite().all()]
    if infinite:
        raise TrainingError(f"{path} holds weights that are not finite, first in {infinite[0][:100]!a}", hint="take an earlier checkpoint")
    return average
