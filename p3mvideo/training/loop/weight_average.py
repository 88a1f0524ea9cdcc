"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

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
        self._pairs: tuple[P3MNet, list[Tensor], list[Tensor], list[Tensor], list[Tensor]] | None = None

    @torch.no_grad()
    def update(self, network: P3MNet) -> None:
        """Move the average towards the network."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        means, values, counts, of_network = self._tensors(network)
        torch._foreach_lerp_(means, values, 1 - decay)
        torch._foreach_copy_(counts, of_network)

    def _tensors(self, network: P3MNet) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """Return the average's and the network's real numbers, and both networks' counters. They are changed in place only."""
        if self._pairs is None or self._pairs[0] is not network:
            both = list(zip(self.network.state_dict().values(), network.state_dict().values(), strict=True))
            real, other = ([pair for pair in both if pair[0].is_floating_point() == kind] for kind in (True, False))
            self._pairs = network, [m for m, _ in real], [v for _, v in real], [m for m, _ in other], [v for _, v in other]
        return self._pairs[1:]
