"""Our networks: as the program runs them, and as the published code does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import torch

from p3mvideo.engine import GuidedRefiner, LoadedEngine
from p3mvideo.engine.load_engine import choose_device
from p3mvideo.engine.strategies import ENLARGED_TO_PX, hybrid_strategy, resize_strategy
from p3mvideo.errors import DatasetError
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.model.p3mnet import P3MNet


class NamedNetwork(NamedTuple):
    """A P3M-Net of weights or of a published checkpoint, not loaded yet."""

    name: str
    """What reports call it."""
    identity: str
    """Changes whenever the weights do."""
    variant: str
    """A key of `p3mvideo.model.variants.VARIANTS`."""
    load: Callable[[], P3MNet]
    """Returns it in evaluation mode, on the CPU."""


class NetworkMethod:
    """A P3M-Net at the sizes of a published strategy, in PyTorch.

    Args:
        weights: The network, and what reports call it.
        strategy: "resize" or "hybrid".
        device: auto, cpu, cuda, cuda:N or mps.
    """

    learned = True

    def __init__(self, weights: NamedNetwork, strategy: Literal["resize", "hybrid"], device: str) -> None:
        self.name = weights.name
        self.identity = f"{weights.identity}, {strategy}"
        chosen = choose_device(device)
        self.description = f"{weights.name} in PyTorch on {chosen}, f32, as published ({strategy})"
        self._network = weights.load().to(chosen)
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
        weights: What reports call it, and whose it is.
        engine: The network, loaded.
        downsample_ratio: With what working size, see `EngineOptions`; said in reports.
    """

    learned = True

    def __init__(self, weights: NamedNetwork, engine: LoadedEngine, downsample_ratio: float | Literal["auto"] = "auto") -> None:
        self._engine = engine
        self.name = weights.name
        self.description = engine.description
        if downsample_ratio != "auto":
            self.description += f", at {downsample_ratio:g} of the image's size"
        self.identity = f"{weights.identity}, {self.description}"
        self._refine = GuidedRefiner()
        self._one_at_a_time = threading.Lock()

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`. The trimap is not looked at."""
        frame = Frame.from_interleaved(image).on(self._engine.device)
        with self._one_at_a_time, _memory_explained(image):
            return self._refine(frame, self._engine([frame.pixels])[0]).alpha_array()


@contextlib.contextmanager
def _memory_explained(image: UInt8Array) -> Iterator[None]:
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise DatasetError(
            f"the GPU's memory is too small for an image of {image.shape[1]}x{image.shape[0]}", hint="Use --device cpu for it."
        ) from error
