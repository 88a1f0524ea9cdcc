"""How fast samples are made, against how fast a training step of the default network takes them, on the same cores.

    python benchmarks/loader.py DATA [--backgrounds FOLDER] [--size 512] [--batch 4] [--seconds 20]

Samples are made by as many processes as there are cores, and nothing else runs; then steps are made of one batch that is there already, on as
many threads. Both are measured in turns, three times, and the medians compared. Wanted is a ratio of 3 or more.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from p3mvideo.datasets.layout import training_split
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.model.variants import build_network
from p3mvideo.ops.normalise import normalise
from p3mvideo.training.build_samples import build_samples
from p3mvideo.training.loop.losses import matting_losses
from p3mvideo.training.loop.precision import choose_precision
from p3mvideo.training.loop.state import make_optimizer
from p3mvideo.training.samples.dataset import Sample, TrainingSamples, collate
from p3mvideo.training.setup import TrainingSetup, recipe_options

TURNS = 3


def loader_rate(samples: TrainingSamples, options: TrainingSetup, seconds: float) -> float:
    """Return how many samples a second the loader gives."""
    loader = DataLoader(samples, batch_size=options.batch, num_workers=os.cpu_count() or 1, collate_fn=collate, prefetch_factor=4)
    batches = iter(loader)
    next(batches)  # the processes have started
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        next(batches)
        count += options.batch
    return count / (time.perf_counter() - started)


def step_rate(batch: Sample, options: TrainingSetup, seconds: float) -> float:
    """Return how many samples a second training steps take."""
    network = build_network(options.variant, options.network).to(memory_format=torch.channels_last).train()
    optimizer = make_optimizer(network, options)
    image, alpha, classes = normalise(batch.image).contiguous(memory_format=torch.channels_last), batch.alpha.float() / 255, batch.classes.long()
    count, started = -1, 0.0
    while count < 1 or time.perf_counter() - started < seconds:
        if count == 0:  # the first step is slower than all others
            started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            output = network(image)
        optimizer.zero_grad(set_to_none=True)
        matting_losses(output, alpha, classes)["total"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        count += 1
    return count * options.batch / (time.perf_counter() - started)


def main() -> None:
    """Measure both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--backgrounds", type=Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    precision = choose_precision("auto", torch.device("cpu"))
    options = recipe_options("p3mvideo", steps=100_000, batch=given.batch, size_px=given.size, precision=precision)
    folder = PortraitFolder(training_split(given.data))
    samples = build_samples(folder, folder.names, options, backgrounds=given.backgrounds)
    batch = collate([samples[index] for index in range(options.batch)])
    made, taken = [], []
    for _ in range(TURNS):
        made.append(loader_rate(samples, options, given.seconds))
        taken.append(step_rate(batch, options, given.seconds))
    print(f"{os.cpu_count()} cores, {options.size_px} px, batches of {options.batch}, {precision}")
    print(f"samples made per second:  {statistics.median(made):8.2f}   ({', '.join(f'{rate:.2f}' for rate in made)})")
    print(f"samples taken per second: {statistics.median(taken):8.2f}   ({', '.join(f'{rate:.2f}' for rate in taken)})")
    print(f"ratio: {statistics.median(made) / statistics.median(taken):.2f}, wanted 3 or more")


if __name__ == "__main__":
    main()
