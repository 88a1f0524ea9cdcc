"""Everything that a training run must remember to go on as if nothing had happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from p3mvideo.errors import TrainingError
from p3mvideo.model.encoders.encoder import Encoder
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.training.loop.weight_average import WeightAverage
from p3mvideo.training.setup import TrainingSetup, differences


@dataclass
class TrainingState:
    """The parts of a run. Everything random is drawn by the number of the sample or step, so `step` also stands for all generators."""

    network: P3MNet
    average: WeightAverage
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    options: TrainingSetup
    source: Encoder | None = None
    """The encoder that donors go through at feature level, where it is a copy of its own."""
    step: int = 0
    """Optimizer steps done."""
    best: float = float("inf")
    """Lowest mean SAD in a validation so far."""

    def to_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "network": self.network.state_dict(), "average": self.average.network.state_dict(), "average_updates": self.average.updates,
            "optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict(), "step": self.step, "best": self.best,
            "options": self.options.to_dict(), **({} if self.source is None else {"source": self.source.state_dict()}),
        }  # fmt: skip

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over a checkpoint.

        Raises:
            TrainingError: It belongs to a run with other options, or is incomplete.
        """
        try:
            changed = differences(saved["options"], self.options)
            if changed:
                raise TrainingError(
                    f"the checkpoint belongs to a run with other options: {'; '.join(changed)}",
                    hint="resume with the same options, or start a new run with --initial from that checkpoint",
                )
            self.network.load_state_dict(saved["network"])
            self.average.network.load_state_dict(saved["average"])
            self.average.updates = saved["average_updates"]
            self.optimizer.load_state_dict(saved["optimizer"])
            self.scaler.load_state_dict(saved["scaler"])
            if self.source is not None:
                self.source.load_state_dict(saved["source"])
            self.step, self.best = saved["step"], saved["best"]
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(f"the checkpoint does not fit this run: {error}", hint="start a new run with --initial from it") from error


def make_optimizer(network: P3MNet, options: TrainingSetup) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe, with a group of its own for the pretrained part of the encoder.

    Each group keeps its peak learning rate as "peak".
    """
    inside = "encoder.backbone." if hasattr(network.encoder, "backbone") else "encoder."
    pretrained = [parameter for name, parameter in network.named_parameters() if name.startswith(inside)]
    fresh = [parameter for name, parameter in network.named_parameters() if not name.startswith(inside)]
    how = options.optimizer
    groups = [{"params": fresh, "peak": how.lr}, {"params": pretrained, "peak": how.backbone_lr}]
    kind = torch.optim.AdamW if how.optimizer == "adamw" else torch.optim.Adam
    fused = True if fresh[0].is_cuda else None  # all parameters in one kernel
    return kind(groups, lr=how.lr, betas=how.betas, weight_decay=how.weight_decay, fused=fused)
