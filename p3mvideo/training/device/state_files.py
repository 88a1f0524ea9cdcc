"""States that training can go on from, in pieces of limited size."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch

from p3mvideo.datasets.image_files import write_bytes
from p3mvideo.errors import DatasetError, TrainingError

INDEX = "state.json"


def save_state(folder: Path, state: dict[str, Any], *, step: int, largest_bytes: int) -> None:
    """Write a state as `state-STEP.00`, `.01` and so on; what `state.json` names is always a whole one, and what it names no more is removed.

    Raises:
        TrainingError: It cannot be written; the last state is intact.
    """
    content = io.BytesIO()
    torch.save(state, content)
    view = content.getbuffer()
    pieces = [view[begin : begin + largest_bytes] for begin in range(0, len(view), largest_bytes)]
    names = [f"state-{step}.{number:02d}" for number in range(len(pieces))]
    index = {"step": step, "pieces": [{"name": name, "sha256": hashlib.sha256(piece).hexdigest()} for name, piece in zip(names, pieces, strict=True)]}
    try:
        for name, piece in zip(names, pieces, strict=True):
            write_bytes(folder / name, bytes(piece))
        write_bytes(folder / INDEX, (json.dumps(index, indent=1) + "\n").encode())
        for old in folder.glob("state-*"):
            if old.name not in names:
                old.unlink()
    except (OSError, DatasetError) as error:
        raise TrainingError(f"cannot write the state in {folder}: {error}", hint="free some space; the last state is intact") from error


def load_state(folder: Path) -> dict[str, Any]:
    """Read a state.

    Raises:
        TrainingError: There is none, a piece is missing, or one is damaged.
    """
    try:
        pieces = json.loads((folder / INDEX).read_text(encoding="utf-8"))["pieces"]
        contents = [(folder / piece["name"]).read_bytes() for piece in pieces]
        for piece, content in zip(pieces, contents, strict=True):
            if hashlib.sha256(content).hexdigest() != piece["sha256"]:
                raise TrainingError(f"{folder / piece['name']} is damaged: its hash differs from the index", hint="bring that file over again")
        state: dict[str, Any] = torch.load(io.BytesIO(b"".join(contents)), map_location="cpu", weights_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        hint = "bring all its files over, or start a new run with --initial"
        raise TrainingError(f"cannot read the state in {folder}: {error}", hint=hint) from error
    return state
