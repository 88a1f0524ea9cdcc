"""Chooses the runtime, the device and the precision, and says which it took."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from p3mvideo import __version__
from p3mvideo.errors import ConfigError, DeviceError
from p3mvideo.files.file_hash import file_sha256
from p3mvideo.frame import Pixels
from p3mvideo.matte import Matte
from p3mvideo.model.variants import REALTIME_VARIANTS
from p3mvideo.ops.matte_check import checked_mattes
from p3mvideo.options import EngineOptions
from p3mvideo.stages import MattingEngine
from p3mvideo.weights import WeightsFile, find_weights
from p3mvideo.weights.content import read_weights

if TYPE_CHECKING:
    from p3mvideo.model.p3mnet import P3MNet


def always_ready(size: tuple[int, int]) -> bool:
    """Return True: images can be worked on at any size without delay."""
    return True


class LoadedEngine(NamedTuple):
    """An engine, and what the user is told about it.

    It is an engine itself: called with uint8 RGB images of one size, arrays (H, W, 3) or tensors (3, H, W), it returns a `Matte` at working size for
    each, checked as a pipeline checks what it takes.
    """

    engine: MattingEngine
    """Runs the network; its mattes are not checked yet."""
    device: str
    """Where it wants the frames: "cpu", or an accelerator as PyTorch calls it."""
    description: str
    """Model, runtime, device and precision really used."""
    is_ready: Callable[[tuple[int, int]], bool] = always_ready
    """Whether images can be worked on at a size (width, height) without delay; where not, the runtime prepares for it meanwhile."""

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        """Return a matte at working size for each image, uint8 RGB, all of one size. See `p3mvideo.stages.MattingEngine`.

        Raises:
            TypeError, ValueError: The images are something else.
            P3MVideoError: The network gave something else than mattes.
        """
        return checked_mattes(self.engine(images, size), len(images))


def choose_device(device: str) -> str:
    """Return the device for auto, cpu, cuda, cuda:N or mps: "cpu", or an accelerator as PyTorch calls it.

    Raises:
        ConfigError: There is no such kind of device.
        DeviceError: It was asked for by name and is not there. Never a silent fall back.
    """
    if device == "cpu" or (device == "auto" and not _may_have_accelerator()):
        return "cpu"
    if device != "auto" and not re.fullmatch(r"mps|cuda(:[0-9]{1,4})?", device):
        raise ConfigError(f"unknown device {device!r}", hint="auto, cpu, cuda, cuda:N or mps")
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = device.partition(":")
    if kind == "cuda":
        found = torch.cuda.device_count()
        if int(number or 0) >= found:
            raise DeviceError(f"device {device} was asked for, but {found} CUDA devices are usable", hint="use --device auto or cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("device mps was asked for, but this machine has none", hint="use --device auto or cpu")
    return device


def _may_have_accelerator() -> bool:
    """Return False where there is no accelerator for certain: then PyTorch, which takes seconds to import, need not be asked."""
    if sys.platform == "darwin":
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")  # of NVIDIA's driver, by which PyTorch reaches a GPU, too
    except OSError:
        return Path("/dev/kfd").exists()  # of AMD's driver
    return True


def load_engine(options: EngineOptions = EngineOptions(), *, semantic: bool = False, live: bool = False) -> LoadedEngine:
    """Load a network.

    Args:
        options: Which network, and how it runs.
        semantic: Whether mattes carry class probabilities.
        live: Whether single images must come back as soon as possible.

    Raises:
        WeightsError: The weights are missing or damaged.
        DeviceError, ConfigError: Device and runtime are not there or do not go together.
    """
    runtime = options.runtime
    chosen = choose_device(options.device)
    weights = find_weights(options.model)
    if runtime == "openvino" and chosen != "cpu":
        raise ConfigError(f"--runtime openvino runs on the CPU, not on {chosen}", hint="leave --runtime or --device out")
    if runtime == "openvino" and weights.variant == "p3mnet-swin-t":
        raise ConfigError("p3mnet-swin-t does not run in OpenVINO: its windows differ from size to size", hint="use --runtime torch")
    if runtime == "openvino" and find_spec("openvino") is None:
        raise DeviceError("runtime openvino was asked for, but it is not installed", hint="pip install openvino")
    suits = weights.variant in REALTIME_VARIANTS and chosen == "cpu" and find_spec("openvino") is not None
    if runtime == "openvino" or (runtime == "auto" and suits):
        return _openvino(weights, options, semantic=semantic, live=live)
    return torch_engine(_network(weights), weights.name, options, semantic=semantic)


def _openvino(weights: WeightsFile, options: EngineOptions, *, semantic: bool, live: bool) -> LoadedEngine:
    from p3mvideo.engine.openvino_engine import OpenVINOEngine
    from p3mvideo.openvino_cpu import computes_in_bf16

    precision = options.precision
    ratio = None if options.downsample_ratio == "auto" else options.downsample_ratio
    has_bf16 = computes_in_bf16()
    chosen = ("bf16" if has_bf16 else "f32") if precision == "auto" else precision
    if chosen == "f16" or (chosen == "bf16" and not has_bf16):
        raise DeviceError(f"this CPU does not compute in {chosen}", hint="use --precision auto or f32")
    read_weights(weights)  # checks the file also where it was converted before: one that was changed is never passed over
    key = f"{weights.name}-{(weights.sha256 or file_sha256(weights.path))[:16]}-{__version__}"
    engine = OpenVINOEngine(
        partial(_network, weights), key, precision=chosen, downsample_ratio=ratio, threads=options.threads, semantic=semantic, live=live
    )  # fmt: skip
    return LoadedEngine(engine, "cpu", f"{weights.name} in OpenVINO on the CPU, {chosen}", engine.is_ready)


def _network(weights: WeightsFile) -> P3MNet:
    # Imported here: a network that was converted before is not built again, and timm takes a second to import.
    from p3mvideo.weights.network import load_network

    return load_network(weights)


def torch_engine(network: P3MNet, name: str, options: EngineOptions, *, semantic: bool = False) -> LoadedEngine:
    """Return a loaded network as an engine in PyTorch.

    Args:
        network: In evaluation mode.
        name: What the user is told it is.
        options: How it runs; `model` is not looked at.
        semantic: Whether mattes carry class probabilities.

    Raises:
        DeviceError, ConfigError: The device is not there.
    """
    import torch

    from p3mvideo.engine.torch_engine import TorchEngine

    device, precision = choose_device(options.device), options.precision
    if device == "cpu" and options.threads:
        torch.set_num_threads(options.threads)
    # PyTorch emulates bf16 on CPUs without it, slowly; asked for by name it is taken all the same.
    chosen = ("f16" if device.startswith("cuda") else "f32") if precision == "auto" else precision
    ratio = None if options.downsample_ratio == "auto" else options.downsample_ratio
    computed_in = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}[chosen]
    engine = TorchEngine(network, device, precision=computed_in, downsample_ratio=ratio, semantic=semantic)
    where = torch.cuda.get_device_name(device) if device.startswith("cuda") else "the CPU" if device == "cpu" else device
    return LoadedEngine(engine, device, f"{name} in PyTorch on {where}, {chosen}")
