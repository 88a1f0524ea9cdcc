"""Speed of every variant of P3M-Net at one size, in PyTorch and in OpenVINO, as ratios within one run.

    python benchmarks/variants.py --size 512 --repeats 5 --json variants.json

All combinations take turns, so that what else the machine does hits all of them alike; the best turn counts. Processor time is
printed beside it, for it hardly depends on other programs. Weights are random, for speed does not depend on them, and scaled so that
signals stay alive, for the agreement of both runtimes in f32 does; in bf16 random weights exaggerate the difference.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import time
from collections.abc import Callable

import numpy as np
import openvino as ov
import torch
from torch import Tensor, nn

from p3mvideo.engine.openvino_conversion import convert
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.variants import VARIANTS, build_network
from p3mvideo.openvino_cpu import CORE


def alive(network: P3MNet) -> P3MNet:
    """Give convolutions and linear layers weights that keep a signal's size."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = math.prod(module.weight.shape[1:])
            nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_in), generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean over what `settle` shows
    return network


def settle(network: P3MNet, image: Tensor) -> None:
    """Let batch-norm take its statistics from an image."""
    network.train()
    with torch.no_grad():
        network(torch.cat([image, image.flip(3)]))
    network.eval()


def in_torch(network: P3MNet, image: Tensor, dtype: torch.dtype) -> Callable[[], np.ndarray]:
    """Return a function that runs the network once and returns alpha."""
    image = image.contiguous(memory_format=torch.channels_last)

    def run() -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            return np.asarray(network(image).alpha.float())

    return run


def in_openvino(model: ov.Model, image: Tensor, precision: str) -> Callable[[], np.ndarray]:
    """Likewise in OpenVINO."""
    model = model.clone()
    model.reshape(list(image.shape))
    compiled = CORE.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"})
    pixels = image.numpy()
    return lambda: np.asarray(compiled([pixels])[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="height and width in pixels")
    parser.add_argument("--repeats", type=int, default=5, help="turns that count, after one that does not")
    parser.add_argument("--variant", nargs="+", choices=tuple(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--json", help="also write the figures to this file")
    options = parser.parse_args()

    image = torch.randn(1, 3, options.size, options.size, generator=torch.Generator().manual_seed(0))
    runs: dict[tuple[str, str], Callable[[], np.ndarray]] = {}
    for variant in options.variant:
        torch.manual_seed(0)
        network = alive(build_network(variant, {"side_heads": False}))
        settle(network, image[..., :256, :256])
        model = convert(network, semantic=False, size=(options.size, options.size) if variant == "p3mnet-swin-t" else None)
        network = network.to(memory_format=torch.channels_last)
        runs[variant, "PyTorch f32"] = in_torch(network, image, torch.float32)
        runs[variant, "PyTorch bf16"] = in_torch(network, image, torch.bfloat16)
        runs[variant, "OpenVINO f32"] = in_openvino(model, image, "f32")
        if "BF16" in CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            runs[variant, "OpenVINO bf16"] = in_openvino(model, image, "bf16")

    times: dict[tuple[str, str], list[tuple[float, float]]] = {key: [] for key in runs}
    alphas: dict[tuple[str, str], np.ndarray] = {}
    for turn in range(options.repeats + 1):
        for key, run in runs.items():
            begin, begin_cpu = time.perf_counter(), time.process_time()
            alphas[key] = run()
            if turn:
                times[key].append((1000 * (time.perf_counter() - begin), 1000 * (time.process_time() - begin_cpu)))

    figures = []
    for (variant, runtime), values in times.items():
        reference = min(times[options.variant[0], "OpenVINO f32"])[0]
        difference = float(np.abs(alphas[variant, runtime] - alphas[variant, "PyTorch f32"]).mean())
        best, cpu = min(wall for wall, _ in values), min(cpu for _, cpu in values)
        figures.append({"variant": variant, "runtime": runtime, "ms": best, "cpu_ms": cpu, "ratio": best / reference, "alpha_difference": difference})

    print(f"{options.size}x{options.size}, {options.repeats} turns, {os.cpu_count()} cores, {platform.processor() or platform.machine()}, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    head = ("variant", "runtime", "ms", "processor ms", f"times {options.variant[0]} in OpenVINO f32", "mean difference of alpha")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for f in figures:
        print(f"| {f['variant']} | {f['runtime']} | {f['ms']:.0f} | {f['cpu_ms']:.0f} | {f['ratio']:.2f} | {f['alpha_difference']:.1e} |")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"size": options.size, "load": os.getloadavg()[0], "figures": figures}, file, indent=1)


if __name__ == "__main__":
    main()
