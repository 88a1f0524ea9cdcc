"""What a training run writes down: `log.jsonl` always, TensorBoard's files if wanted."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

import cv2
import numpy as np
import torch

from p3mvideo.errors import ConfigError, TrainingError
from p3mvideo.frame import UInt8Array
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.training.loop.validation import ValidationSet, predicted_alpha

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SHOWN = 4
"""Number of validation portraits shown in TensorBoard."""
SHOWN_PX = 256
"""Height at which they are shown."""


class RunLog:
    """Writes records of a run. A context manager.

    Args:
        out: The run's folder. Records there that lie after `after` are dropped: that part of the run is done again.
        after: The step that the run goes on from.
        writes: Whether this process writes at all; one of several does.
        tensorboard: Whether to write `out/tensorboard`, too.
        log: Called with each record.

    Raises:
        ConfigError: TensorBoard is wanted and not installed.
        TrainingError: The log cannot be written.
    """

    def __init__(self, out: Path, *, after: int, writes: bool, tensorboard: bool, log: Callable[[dict[str, float]], None]) -> None:
        if tensorboard and find_spec("tensorboard") is None:
            raise ConfigError("TensorBoard is not installed", hint="pip install 'p3mvideo[train]', or leave --tensorboard out")
        self._path = out / "log.jsonl"
        self._after = after
        self._writes = writes
        self._board_folder = out / "tensorboard" if tensorboard and writes else None
        self._log = log
        self._file: TextIO | None = None
        self._board: SummaryWriter | None = None

    def __enter__(self) -> Self:
        if not self._writes:
            return self
        try:
            lines = self._path.read_text().splitlines(keepends=True) if self._path.exists() else []
            self._file = self._path.open("w")
            self._file.writelines(line for line in lines if _is_kept(line, self._after))
            self._file.flush()
        except OSError as error:
            raise TrainingError(f"cannot write {self._path}: {error.strerror or error}", hint="check the folder and the free space") from error
        if self._board_folder is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(self._board_folder, purge_step=self._after + 1 if self._after else None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()

    def write(self, step: int, values: dict[str, float]) -> None:
        """Add a record.

        Raises:
            TrainingError: It cannot be written.
        """
        if self._file is None:
            return
        entry: dict[str, float] = {"step": step} | {name: float(f"{value:.6g}") for name, value in values.items()}
        try:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
        except OSError as error:
            raise TrainingError(f"cannot write {self._path}: {error.strerror or error}", hint="free some space, then --resume") from error
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)
        self._log(entry)

    def show(self, step: int, network: P3MNet, over: ValidationSet, *, variant: str) -> None:
        """Show the same few validation portraits in TensorBoard: image, predicted and true alpha side by side."""
        if self._board is None:
            return
        for name in over.names[:SHOWN]:
            portrait = over.portraits.load(name)
            with torch.inference_mode():
                pred = np.round(predicted_alpha(network, portrait.image, variant=variant) * 255).astype(np.uint8)
            strip = np.hstack([_shown(portrait.image), _shown(pred), _shown(portrait.alpha)])
            self._board.add_image(name, strip, step, dataformats="HWC")


def _is_kept(line: str, after: int) -> bool:
    """Return whether a line of a log is whole and not after a step."""
    try:
        return line.endswith("\n") and json.loads(line)["step"] <= after
    except (ValueError, KeyError, TypeError):
        return False


def _shown(image: UInt8Array) -> UInt8Array:
    width = max(1, round(image.shape[1] * SHOWN_PX / image.shape[0]))
    small = cv2.resize(image, (width, SHOWN_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small if small.ndim == 3 else np.repeat(small[..., None], 3, 2), np.uint8)
