"""Ways to get a matte from an image, behind one interface: our networks, foreign ONNX networks, trimap-based solvers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
import torch

from p3mvideo.engine import GuidedRefiner, load_engine
from p3mvideo.engine.load_engine import choose_device
from p3mvideo.engine.onnx_network import OnnxNetwork
from p3mvideo.engine.strategies import hybrid_strategy, network_size, resize_strategy
from p3mvideo.errors import ConfigError, DatasetError, DeviceError
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.model.variants import REALTIME_VARIANTS
from p3mvideo.ops.normalise import IMAGENET_MEAN, IMAGENET_STD
from p3mvideo.options import EngineOptions
from p3mvideo.options.engine import Precision, Runtime
from p3mvideo.options.evaluation import OnnxInput, Strategy
from p3mvideo.weights import WeightsFile, find_weights
from p3mvideo.weights.network import load_network

SOLVERS = {
    "closed-form": "estimate_alpha_cf",
    "knn": "estimate_alpha_knn",
    "learning-based": "estimate_alpha_lbdm",
    "random-walk": "estimate_alpha_rw",
    "large-kernel": "estimate_alpha_lkm",
}
"""Trimap-based methods and pymatting's functions for them."""


class Method(Protocol):
    """Finds the alpha of single images. May be called from several threads."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def identity(self) -> str:
        """Changes whenever its results may change; a resumed run compares it."""
        ...

    @property
    def learned(self) -> bool:
        """Whether it was trained on images, blurred or not."""
        ...

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """Return alpha in [0, 1], float32 (H, W), of a uint8 RGB image (H, W, 3).

        Args:
            image: The image.
            trimap: uint8 (H, W), 0, 128 and 255; None if there is none.

        Raises:
            DatasetError: The method cannot treat this image.
        """
        ...


class NetworkMethod:
    """A P3M-Net at the sizes of a published strategy, in PyTorch.

    Args:
        weights: Which network.
        strategy: "resize" or "hybrid".
        device: auto, cpu, cuda, cuda:N or mps.
    """

    learned = True

    def __init__(self, weights: WeightsFile, strategy: Literal["resize", "hybrid"], device: str) -> None:
        self.name = weights.name
        self.identity = f"{weights.sha256 or weights.path}, {strategy}"
        self._network = load_network(weights).to(choose_device(device))
        self._strategy = resize_strategy if strategy == "resize" else hybrid_strategy
        self._one_at_a_time = threading.Lock()

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`. The trimap is not looked at."""
        with self._one_at_a_time, _memory_in_words(image):
            return self._strategy(self._network, image)


class EngineMethod:
    """A P3M-Net as the program itself runs it: at working size, then refined with the image's edges.

    Args:
        weights: Which network.
        device: auto, cpu, cuda, cuda:N or mps.
        runtime: As of `p3mvideo.engine.load_engine`.
        precision: Likewise.
    """

    learned = True

    def __init__(self, weights: WeightsFile, device: str, runtime: Runtime, precision: Precision) -> None:
        loaded = load_engine(EngineOptions(model=str(weights.path), device=device, runtime=runtime, precision=precision), live=True)
        self.name = weights.name
        self.identity = f"{weights.sha256 or weights.path}, {loaded.description}"
        self._engine, self._device = loaded.engine, loaded.device
        self._refine = GuidedRefiner()
        self._one_at_a_time = threading.Lock()

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`. The trimap is not looked at."""
        frame = Frame.from_interleaved(image)
        frame = frame.with_image(frame.image.to(self._device))
        with self._one_at_a_time, _memory_in_words(image):
            matte = self._refine(frame, self._engine([frame.image])[0])
        alpha: Float32Array = matte.alpha[0].float().cpu().numpy()
        return alpha


class OnnxMethod:
    """A foreign network. One that takes any size gets that of the strategy "resize".

    Args:
        path: The .onnx file.
        values: What it expects as input.
    """

    learned = True

    def __init__(self, path: Path, values: OnnxInput) -> None:
        self.name = path.stem
        self.identity = f"{path.resolve()}, {path.stat().st_size if path.exists() else 0} bytes, {values}"
        self._network = OnnxNetwork(path)
        scales = {"imagenet": (IMAGENET_MEAN, IMAGENET_STD), "unit": ((0.0,), (1.0,)), "symmetric": ((0.5,), (0.5,))}
        self._mean, self._std = (np.asarray(scale, np.float32) for scale in scales[values])

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`. The trimap is not looked at."""
        height, width = image.shape[:2]
        small = cv2.resize(image.astype(np.float32) / 255, self._network.size or network_size(width, height, 0.5))
        alpha = self._network(np.ascontiguousarray(((small - self._mean) / self._std).transpose(2, 0, 1)[None]))
        return np.asarray(cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 1), np.float32)


class SolverMethod:
    """A trimap-based method of pymatting, at full size, in float64.

    Args:
        name: A key of `SOLVERS`.

    Raises:
        DeviceError: pymatting is not installed.
    """

    learned = False

    def __init__(self, name: str) -> None:
        if find_spec("pymatting") is None:
            raise DeviceError(f"{name} needs pymatting, which is not installed", hint="pip install 'p3mvideo[train]'")
        import pymatting

        self.name = self.identity = name
        self._solve = getattr(pymatting, SOLVERS[name])

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`."""
        if trimap is None:
            raise DatasetError(f"{self.name} needs a trimap, and there is none", hint="Add trimap/, or --trimap derive.")
        known = np.where(trimap == 255, 1.0, np.where(trimap == 0, 0.0, 0.5))
        if not (known == 0.5).any():
            return known.astype(np.float32)
        try:
            alpha = self._solve(image / 255.0, known)
        except ValueError as error:
            raise DatasetError(f"{self.name} cannot solve this image: {error}") from error
        return np.asarray(alpha.clip(0, 1), np.float32)


def make_method(
    model: str,
    *,
    strategy: Strategy = "auto",
    device: str = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    onnx_input: OnnxInput = "imagenet",
) -> Method:
    """Return the method of a name: a key of `SOLVERS`, the path of an .onnx file, or name or path of weights.

    Args:
        model: The name.
        strategy: How a P3M-Net looks at images; "auto" is "engine" for the real-time network and "resize" for the published ones.
        device: auto, cpu, cuda, cuda:N or mps.
        runtime: For the strategy "engine".
        precision: For the strategy "engine"; the others compute in 32 bits.
        onnx_input: What an ONNX network expects.

    Raises:
        WeightsError, DeviceError, ConfigError: What is needed for it is not there.
    """
    if model in SOLVERS:
        return SolverMethod(model)
    if model.endswith(".onnx"):
        return OnnxMethod(Path(model), onnx_input)
    weights = find_weights(model)
    if strategy == "auto":
        strategy = "engine" if weights.variant in REALTIME_VARIANTS else "resize"
    if strategy == "engine":
        return EngineMethod(weights, device, runtime, precision)
    if strategy in ("resize", "hybrid"):
        return NetworkMethod(weights, strategy, device)
    raise ConfigError(f"there is no strategy {strategy!r}", hint="auto, engine, resize or hybrid")


@contextlib.contextmanager
def _memory_in_words(image: UInt8Array) -> Iterator[None]:
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise DatasetError(
            f"the GPU's memory is too small for an image of {image.shape[1]}x{image.shape[0]}", hint="Use --device cpu for it."
        ) from error
