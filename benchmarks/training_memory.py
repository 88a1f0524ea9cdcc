"""How much memory a training step takes: the largest sum of all tensors that are alive at one time, counted without computing them.

    python -m benchmarks.training_memory --variant p3mnet-resnet34 --size 512 --batch 8 [--accumulate 2] [--recompute]

Two steps in f32 by the recipe p3m2024 on PyTorch's meta device, where tensors have sizes but no values, so no accelerator is needed. A GPU keeps
the same tensors; what CUDA takes there, the room that convolutions work in, and gaps between tensors come on top.
"""

from __future__ import annotations

import argparse
import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.weak import WeakIdKeyDictionary

from p3mvideo.options import TrainingOptions
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.loop.learner import Learner
from p3mvideo.training.loop.processes.process_group import Group
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.setup import setup_of

META = torch.device("meta")
GIB = 1 << 30


class LivingTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, counts the memory of all tensors that are made and not yet freed.

    Args:
        there: Tensors that are alive before.
    """

    def __init__(self, there: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        """Bytes."""
        self._seen = WeakIdKeyDictionary()
        for tensor in there:
            self._count(tensor)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call an operator, and count what it returns."""
        made = function(*args, **(kwargs or {}))
        tree_map_only(Tensor, self._count, made)
        return made

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage not in self._seen:
            self._seen[storage] = True
            self._add(storage.nbytes())
            weakref.finalize(storage, self._add, -storage.nbytes())

    def _add(self, change: int) -> None:
        self.now += change
        self.peak = max(self.peak, self.now)


def peak_gib(options: TrainingOptions) -> tuple[float, float]:
    """Return the largest memory of all tensors during training, and that of weights, average and optimizer alone, in GiB."""
    setup = setup_of(options.resolved(), steps=2)
    learner = Learner(build_start(setup, pretrained=None, initial=None), setup, Group(device=META))
    batch = sample(setup.batch, setup.size_px)
    state = learner.state
    with LivingTensors([*state.network.state_dict().values(), *state.average.network.state_dict().values()]) as living:
        for _ in range(2):  # the optimizer's moments are there from the second one on
            learner.gradients(batch)
            learner.update(1.0)
        state.optimizer.zero_grad(set_to_none=True)
    return living.peak / GIB, living.now / GIB


def sample(count: int, size_px: int) -> Sample:
    """Return a batch without values."""

    def planes(*shape: int) -> Tensor:
        return torch.empty((count, *shape, size_px, size_px), dtype=torch.uint8, device=META)

    return Sample(planes(3), planes(1), planes(), planes(3), planes(3))


def main() -> None:
    """Count one variant's memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="p3mnet-resnet34")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--recompute", action="store_true")
    given = parser.parse_args()
    peak, kept = peak_gib(TrainingOptions(recipe="p3m2024", **vars(given)))
    how = f"{given.accumulate} parts, {'recomputed' if given.recompute else 'kept'}"
    print(f"{given.variant}, {given.batch} samples of {given.size} px in {how}: {peak:.2f} GiB, {kept:.2f} GiB of them between steps")


if __name__ == "__main__":
    main()
