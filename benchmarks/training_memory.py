"""How much memory a training step takes, measured on the CPU as the process' peak.

    python -m benchmarks.training_memory --variant p3mnet-resnet34 --size 256 --batch 2 [--accumulate 2] [--recompute]

Prints what weights, average, gradients and Adam's moments take, and by how much the process grows during a step, which is mostly activations: in
proportion to the pixels in a part of the batch. A GPU keeps the same tensors; its convolutions may need more room to work in. Linux only.
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

import torch

from p3mvideo.options import TrainingOptions
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.loop.learner import Learner
from p3mvideo.training.loop.processes.process_group import Group
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.setup import setup_of

MIB = 1 << 20


def peak_mib() -> float:
    """Return the largest memory that the process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def now_mib() -> float:
    """Return the memory that the process has now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def main() -> None:
    """Measure one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="p3mnet-resnet34")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--recompute", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    options = TrainingOptions(
        recipe="p3m2024", variant=given.variant, size=given.size, batch=given.batch, accumulate=given.accumulate, recompute=given.recompute
    )
    learner = Learner(build_start(setup := setup_of(options.resolved(), steps=2), pretrained=None, initial=None), setup, Group())
    parameters = sum(parameter.numel() * parameter.element_size() for parameter in learner.network.parameters())
    weights = sum(tensor.numel() * tensor.element_size() for tensor in learner.network.state_dict().values())
    state = (2 * weights + 3 * parameters) / MIB  # of network and average, then gradients and two moments
    batch = sample(given.batch, given.size)
    before = now_mib()
    learner.gradients(batch)
    print(
        f"{given.variant}, {given.batch} samples of {given.size} px in {given.accumulate} parts, {'recomputed' if given.recompute else 'kept'}: "
        f"state {state:.0f} MiB, and up to {peak_mib() - before:.0f} MiB more during the step, gradients among them"
    )


def sample(count: int, size_px: int) -> Sample:
    """Return a batch of noise."""

    def noise(*shape: int, high: int = 256) -> torch.Tensor:
        return torch.randint(0, high, (count, *shape, size_px, size_px), dtype=torch.uint8)

    return Sample(noise(3), noise(1), noise(high=3), noise(3), noise(3))


if __name__ == "__main__":
    main()
