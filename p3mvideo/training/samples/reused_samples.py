"""Samples that are kept on disk as they were made and used several times, mirrored and in other light each time.

Making a sample can take as long as learning from it. Each batch has as many new samples as old ones of several ages, so the work is spread evenly.
What a sample looks like depends on its number only: files are a cache, and one that is missing or damaged is made again.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from p3mvideo.errors import TrainingError
from p3mvideo.training.samples.dataset import Sample, TrainingSamples

STEPS_BETWEEN = 50
"""Steps after which a sample is used again."""
GAMMA, GAIN = 0.15, 0.07
"""How far other light goes: the largest |log| of the gamma, and of each colour's gain."""


class ReusedSamples(Dataset[Sample]):
    """All samples of a run, each of which is a variation of one that was made.

    Args:
        samples: Makes samples by number.
        folder: Where they are kept; made where it is missing. It should hold nothing else.
        uses: How often each is used. A batch has samples of `uses` ages.
        batch: Samples per step, a multiple of `uses`; of 2 `uses` where samples come in pairs.
        seed: Another seed gives other variations.

    Raises:
        TrainingError: The folder cannot be made.
    """

    def __init__(self, samples: TrainingSamples, folder: Path, *, uses: int, batch: int, seed: int) -> None:
        if uses < 1 or batch % uses:
            raise ValueError(f"a batch of {batch} cannot be made of samples that are used {uses} times")
        self.samples, self.folder, self.uses, self.batch, self.seed = samples, folder, uses, batch, seed
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"cannot make the folder {folder}: {error.strerror or error}", hint="choose another --output") from error

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        number, is_last = self.made(index)
        path = self.folder / f"{number}.npz"
        sample = _read(path)
        if sample is None:
            sample = self.samples[number]
            if not is_last:
                _write(path, sample)
        if is_last:
            path.unlink(missing_ok=True)
        return varied(sample, np.random.default_rng((self.seed, index // 2, 3)))

    def made(self, index: int) -> tuple[int, bool]:
        """Return the number of the made sample that a sample is a variation of, and whether this is its last use."""
        step, place = divmod(index, self.batch)
        new = self.batch // self.uses
        age, rest = divmod(place, new)
        # Ages count backwards from the last use, so that no number is below 0 in the first steps.
        return (step + (self.uses - 1 - age) * STEPS_BETWEEN) * new + rest, age == self.uses - 1


def first_made(step: int, *, uses: int, batch: int) -> int:
    """Return from which number on samples are used at a step for the first time, or later.

    Args:
        step: Steps done before it.
        uses: How often each sample is used.
        batch: Samples per step.
    """
    return (step + (uses - 1) * STEPS_BETWEEN) * (batch // uses) if step else 0


def varied(sample: Sample, rng: np.random.Generator) -> Sample:
    """Return a sample mirrored half of the time and in other light.

    Args:
        sample: Without the colours that the composition loss needs, which light would change.
        rng: Draws the variation.
    """
    mirrored = rng.random() < 0.5
    gamma, gain = np.exp(rng.uniform(-GAMMA, GAMMA)), np.exp(rng.uniform(-GAIN, GAIN, 3))
    levels = np.clip(np.power(np.arange(256) / 255, gamma) * gain[:, None], 0, 1)
    table = np.round(levels * 255).astype(np.uint8)

    def lit(image: Tensor) -> Tensor:
        return torch.from_numpy(np.stack([row[plane] for row, plane in zip(table, image.numpy(), strict=True)]))

    sample = sample._replace(image=lit(sample.image), source=None if sample.source is None else lit(sample.source))
    if not mirrored:
        return sample
    turned = {name: part.flip(-1) for name, part in sample._asdict().items() if part is not None and name != "follows"}
    return sample._replace(**turned)


def remove_kept(folder: Path) -> None:
    """Remove the samples that another run kept in a folder.

    Raises:
        TrainingError: One cannot be removed.
    """
    try:
        for path in folder.glob("*.npz"):
            path.unlink()
    except OSError as error:
        hint = "remove them, or choose another --output"
        raise TrainingError(f"cannot remove the samples of an earlier run in {folder}: {error.strerror or error}", hint=hint) from error


def _write(path: Path, sample: Sample) -> None:
    """Keep a sample; one that cannot be kept is made again later."""
    part = path.with_name(f".{secrets.token_hex(6)}.npz")
    try:
        np.savez(part, **cast("dict[str, Any]", {name: part.numpy() for name, part in sample._asdict().items() if part is not None}))
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)


def _read(path: Path) -> Sample | None:
    """Return a kept sample, None if it is not there or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as parts:
            return Sample(**{name: torch.from_numpy(parts[name]) for name in parts})
    except Exception:  # whatever a damaged file makes the reader stumble over
        return None
