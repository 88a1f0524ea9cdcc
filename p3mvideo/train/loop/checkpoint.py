"""Files that training can go on from, replaced in one step so that a crash never leaves half of one."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from p3mvideo.errors import TrainingError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state; the file at `path` is either the old one or the whole new one.

    Raises:
        TrainingError: It cannot be written; the old file is intact.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise TrainingError(f"cannot write the checkpoint {path}: {error}", hint="free some space; the last checkpoint is intact") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a state.

    Raises:
        TrainingError: The file is missing or damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, KeyError) as error:
        raise TrainingError(f"cannot read the checkpoint {path}: {error}", hint="resume from another one, or start anew") from error
    return state
