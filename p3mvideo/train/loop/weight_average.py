"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch

from p3mvideo.model.p3mnet import P3MNet


class WeightAverage:
    """Keeps a slowly moving average of everything in a network's state, batch-norm statistics included.

    Args:
        network: The network in training.
        decay: Weight of the old average in one update; smaller during the first updates, so that the start is forgotten. 0 follows the
            network exactly.
    """

    def __init__(self, network: P3MNet, *, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, network: P3MNet) -> None:
        """Move the average towards the network."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for mean, value in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)
