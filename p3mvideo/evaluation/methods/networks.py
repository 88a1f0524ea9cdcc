"""Our networks: as the program runs them, and as the published code does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Literal

import torch

from p3mvideo.engine import GuidedRefiner, load_engine
from p3mvideo.engine.load_engine import choose_device
from p3mvideo.engine.strategies import ENLARGED_TO_PX, hybrid_strategy, resize_strategy
from p3mvideo.errors import DatasetError
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.options import EngineOptions
from p3mvideo.options.engine import Precision, Runtime
from p3mvideo.weights import WeightsFile
from p3mvideo.weights.network import load_network


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
        chosen = choose_device(device)
        self.description = f"{weights.name} in PyTorch on {chosen}, f32, as published ({strategy})"
        self._network = load_network(weights).to(chosen)
        self._strategy = resize_strategy if strategy == "resize" else hybrid_strategy
        self._enlarged_to_px = ENLARGED_TO_PX.get(weights.variant, 0)
        self._one_at_a_time = threading.Lock()

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`. The trimap is not looked at."""
        with self._one_at_a_time, _memory_explained(image):
            return self._strategy(self._network, image, enlarged_to_px=self._enlarged_to_px)


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
        self._engine = load_engine(EngineOptions(model=str(weights.path), device=device, runtime=runtime, precision=precision), live=True)
        self.name = weights.name
        self.description = self._engine.description
        self.identity = f"{weights.sha256 or weights.path}, {self.description}"
        self._refine = GuidedRefiner()
        self._one_at_a_time = threading.Lock()

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`. The trimap is not looked at."""
        frame = Frame.from_interleaved(image)
        frame = frame.with_image(frame.image.to(self._engine.device))
        with self._one_at_a_time, _memory_explained(image):
            matte = self._refine(frame, self._engine([frame.image])[0])
        alpha: Float32Array = matte.alpha[0].float().cpu().numpy()
        return alpha


@contextlib.contextmanager
def _memory_explained(image: UInt8Array) -> Iterator[None]:
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise DatasetError(
            f"the GPU's memory is too small for an image of {image.shape[1]}x{image.shape[0]}", hint="Use --device cpu for it."
        ) from error
