"""How much memory a training step takes: the largest sum of all tensors that live at one time, counted without computing them.

    python -m benchmarks.training_memory --variant p3mnet-resnet34 --size 512 --batch 8 [--accumulate 2] [--recompute]

Two steps in f32 by the recipe p3m2024 on PyTorch's meta device, where tensors have sizes but no values, so no accelerator is
needed. A GPU keeps the same tensors; what PyTorch itself takes there, the room that convolutions work in, and gaps between tensors come on top.
"""

from __future__ import annotations

import argparse

import torch
from torch.distributed._tools.mem_tracker import MemTracker

from p3mvideo.options import TrainingOptions
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.loop.learner import Learner
from p3mvideo.training.loop.processes.process_group import Group
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.setup import setup_of

META = torch.device("meta")
GIB = 1 << 30


def peak_gib(options: TrainingOptions) -> tuple[float, float]:
    """Return the largest memory of all tensors during training, and that of weights, average and optimizer alone, in GiB."""
    setup = setup_of(options.resolved(), steps=2)
    learner = Learner(build_start(setup, pretrained=None, initial=None), setup, Group(device=META))
    state, batch = learner.state, sample(setup.batch, setup.size_px)
    tracker = MemTracker()
    tracker.track_external(state.network, state.average.network, state.optimizer)
    with tracker:
        for _ in range(2):  # the optimizer's moments are there from the second one on
            learner.gradients(batch)
            learner.update(1.0)
            tracker.reset_mod_stats()
        state.optimizer.zero_grad(set_to_none=True)
        kept = _total(tracker, "current")
    return _total(tracker, "peak"), kept


def sample(count: int, size_px: int) -> Sample:
    """Return a batch without values."""

    def planes(*shape: int) -> torch.Tensor:
        return torch.empty((count, *shape, size_px, size_px), dtype=torch.uint8, device=META)

    return Sample(planes(3), planes(1), planes(), planes(3), planes(3))


def _total(tracker: MemTracker, moment: str) -> float:
    return sum(float(kinds["Total"]) for kinds in tracker.get_tracker_snapshot(moment).values()) / GIB


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
    print(f"{given.variant}, {given.batch} samples of {given.size} px in {how}: {peak:.1f} GiB, {kept:.1f} GiB of them between steps")


if __name__ == "__main__":
    main()
