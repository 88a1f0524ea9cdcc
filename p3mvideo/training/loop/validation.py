"""Scores a network in training on whole validation portraits, as `p3mvideo evaluate` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.engine import GuidedRefiner
from p3mvideo.engine.strategies import ENLARGED_TO_PX, resize_strategy
from p3mvideo.engine.torch_engine import TorchEngine
from p3mvideo.errors import ConfigError
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.variants import REALTIME_VARIANTS
from p3mvideo.ops.metrics import iou, mad, mse, sad
from p3mvideo.training.loop.processes.process_group import Group

SCORES = ("sad", "mad", "mse", "iou")


@dataclass(frozen=True)
class ValidationSet:
    """Portraits to score on."""

    name: str
    """What the log calls it."""
    portraits: PortraitFolder
    names: Sequence[str]

    @classmethod
    def spread(cls, name: str, portraits: PortraitFolder, count: int) -> ValidationSet:
        """Take this many portraits of a split, evenly spread; 0 takes all."""
        taken = min(count or len(portraits), len(portraits))
        return cls(name, portraits, [portraits.names[place * len(portraits) // taken] for place in range(taken)])


def distinct_names(splits: Sequence[Path]) -> list[str]:
    """Return what the log calls each of some splits: its folder's name, those of one name with their parent's before it.

    Raises:
        ConfigError: Two have the same name even so.
    """
    folders = [split.absolute() for split in splits]
    plain = Counter(folder.name for folder in folders)
    names = [folder.name if plain[folder.name] == 1 else f"{folder.parent.name}_{folder.name}" for folder in folders]
    for name, count in Counter(names).items():
        if count > 1:
            same = " and ".join(str(split) for split, other in zip(splits, names, strict=True) if other == name)
            raise ConfigError(f"{same} have the same name in the log, {name}", hint="name each --validation once, or rename a folder")
    return names


@torch.inference_mode()
def validate(network: P3MNet, over: ValidationSet, *, variant: str, group: Group) -> dict[str, float]:
    """Return mean SAD (thousands), MAD, MSE and IoU at alpha 0.5 against the mattes, at the portraits' full size.

    The real-time network goes through the program's engine in PyTorch, a published one through the published strategy "resize". The
    portraits are shared out among the processes, and all get the same means.

    Args:
        network: Switched to evaluation mode by the caller.
        over: What to score on.
        variant: Which network it is.
        group: The processes that train together.

    Raises:
        DatasetError: A portrait cannot be read.
    """
    totals = torch.zeros(len(SCORES) + 1, dtype=torch.float64)
    for name in over.names[group.rank :: group.size]:
        portrait = over.portraits.load(name)
        pred, true = predicted_alpha(network, portrait.image, variant=variant), portrait.alpha.astype(np.float32) / 255
        scores = (sad(pred, true), mad(pred, true), mse(pred, true), iou(pred, true > 0.5))
        totals += torch.tensor([*scores, 1.0], dtype=torch.float64)
    totals = group.sum(totals).cpu()
    return {score: float(total / totals[-1]) for score, total in zip(SCORES, totals, strict=False)}


def predicted_alpha(network: P3MNet, image: UInt8Array, *, variant: str) -> Float32Array:
    """Return the alpha of an image, RGB (H, W, 3), as float32 (H, W). See `validate`."""
    if variant not in REALTIME_VARIANTS:
        return resize_strategy(network, image, enlarged_to_px=ENLARGED_TO_PX.get(variant, 0))
    device = str(next(network.parameters()).device)
    frame = Frame.from_interleaved(image).on(device)
    return GuidedRefiner()(frame, TorchEngine(network, device)([frame.pixels])[0]).alpha_array()
