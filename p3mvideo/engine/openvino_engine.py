"""The network in OpenVINO, on the CPU."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from openvino import opset13 as opset
from openvino.preprocess import PrePostProcessor
from torch import Tensor, nn

from p3mvideo.config import cache_folder
from p3mvideo.engine.image_batch import check_images
from p3mvideo.engine.shrink import shrink_on_cpu
from p3mvideo.frame import Matte
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.ops.normalise import IMAGENET_MEAN, IMAGENET_STD
from p3mvideo.ops.working_size import working_size

CONVERTING = threading.Lock()
"""Held while a network is converted: PyTorch traces one at a time only, and who waits finds it converted."""
KEPT_SIZES = 4
"""How many working sizes stay compiled: a folder of photographs has many."""


class OpenVINOEngine:
    """A `MattingEngine` that runs a network in OpenVINO.

    Args:
        make_network: Builds the network with its weights; called only if it was not converted before.
        key: Identifies the weights; what is converted once is kept under this name.
        precision: "f32" or "bf16".
        downsample_ratio: Working size over image size; None brings the longer side to about 512 pixels.
        threads: CPU threads; 0 takes all cores.
        semantic: Whether mattes carry class probabilities.
        live: Whether single images must come back as soon as possible; otherwise several are worked on at a time, a core each.
    """

    def __init__(
        self,
        make_network: Callable[[], P3MNet],
        key: str,
        *,
        precision: str = "f32",
        downsample_ratio: float | None = None,
        threads: int = 0,
        semantic: bool = False,
        live: bool = False,
    ) -> None:
        self._semantic = semantic
        self._one_at_a_time = threading.Lock()
        self._core = ov.Core()
        self._ratio = downsample_ratio
        self._options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY" if live else "THROUGHPUT",
            "INFERENCE_NUM_THREADS": threads or os.cpu_count() or 1,
            # Decoder, encoder and all other stages want the same cores; only the system can share them out.
            "ENABLE_CPU_PINNING": False,
        }
        self._model = _prepared(_converted(self._core, make_network, f"{key}-semantic" if semantic else key, semantic=semantic))
        self._queues: dict[tuple[int, int], ov.AsyncInferQueue] = {}
        self._compiling = threading.Lock()
        self._compiler: threading.Thread | None = None

    def __call__(self, images: Sequence[Tensor], size: tuple[int, int] | None = None) -> list[Matte]:
        """Return a matte at working size for each image, on the CPU. See `p3mvideo.stages.MattingEngine`.

        May be called from several threads; calls take their turns.

        Raises:
            TypeError, ValueError: The images are not what `check_images` expects.
        """
        check_images(images)
        size = size or working_size(images[0].shape[2], images[0].shape[1], self._ratio)
        mattes: dict[int, Matte] = {}

        def take(request: ov.InferRequest, index: int) -> None:
            # Copied, because the request's tensors are written again by its next image.
            alpha = torch.from_numpy(request.get_output_tensor(0).data[0].copy())
            semantic = torch.from_numpy(request.get_output_tensor(1).data[0].copy()) if self._semantic else None
            mattes[index] = Matte(alpha, semantic)

        # A queue of requests belongs to one caller from its callback to its end.
        with self._one_at_a_time:
            queue = self._queue(size)
            queue.set_callback(take)
            try:
                for index, image in enumerate(images):
                    queue.start_async({0: shrink_on_cpu(image, size)[None]}, index)
            finally:
                queue.wait_all()
        return [mattes[index] for index in range(len(images))]

    def is_ready(self, size: tuple[int, int]) -> bool:
        """Return whether the network is compiled for a working size (width, height); if not, a thread does it meanwhile. Called by one thread."""
        if size in self._queues:
            return True
        if self._compiler is None or not self._compiler.is_alive():
            # No daemon: the interpreter waits for it, for a thread that comes back from the runtime after it aborts the process.
            self._compiler = threading.Thread(target=self._queue, args=(size,), name="p3mvideo compiler")
            self._compiler.start()
        return False

    def _queue(self, size: tuple[int, int]) -> ov.AsyncInferQueue:
        """Return the network compiled for a working size (width, height)."""
        with self._compiling:
            queue = self._queues.get(size)
            if queue is None:
                if len(self._queues) == KEPT_SIZES:
                    del self._queues[next(iter(self._queues))]
                model = self._model.clone()
                model.reshape([1, size[1], size[0], 3])
                queue = self._queues[size] = ov.AsyncInferQueue(self._core.compile_model(model, "CPU", self._options))
            return queue


@cache
def computes_in_bf16() -> bool:
    """Return whether OpenVINO computes in bf16 here.

    What the processor can do is not enough: `ONEDNN_MAX_CPU_ISA` may forbid it, and then compiling fails. So one small layer is compiled.
    """
    core = ov.Core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return False
    image = opset.parameter([1, 16, 8, 8], np.float32)
    layer = opset.convolution(image, opset.constant(np.ones((16, 16, 3, 3), np.float32)), [1, 1], [1, 1], [1, 1], [1, 1])
    try:
        core.compile_model(ov.Model([layer], [image], "probe"), "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    except RuntimeError:
        return False
    return True


class _Outputs(nn.Module):
    """What a matte needs, for any size (the network's own check of the size would be frozen into the conversion)."""

    def __init__(self, network: P3MNet, *, semantic: bool) -> None:
        super().__init__()
        self.network = network
        self.semantic = semantic

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        output = self.network.decode(self.network.encoder(image))
        return (output.alpha, output.semantic_logits.softmax(1)) if self.semantic else output.alpha


def _converted(core: ov.Core, make_network: Callable[[], P3MNet], key: str, *, semantic: bool) -> ov.Model:
    """Return the network as OpenVINO model, converted now or earlier."""
    path = cache_folder() / "openvino" / f"{key}-{ov.__version__.split('-')[0]}.xml"
    with CONVERTING:
        kept = _read_kept(core, path)
        if kept is not None:
            return kept
        model = convert(make_network(), semantic=semantic)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                part = Path(folder) / path.name
                ov.save_model(model, part, compress_to_fp16=False)
                digest = _digest(part.read_bytes(), part.with_suffix(".bin").read_bytes())
                part.with_suffix(".sha256").write_text(digest, encoding="ascii")
                for suffix in (".bin", ".xml", ".sha256"):
                    part.with_suffix(suffix).replace(path.with_suffix(suffix))
        except (OSError, RuntimeError):
            pass  # a cache that cannot be written costs time only
        return model


def _read_kept(core: ov.Core, path: Path) -> ov.Model | None:
    """Return the model that was kept under a path, None if there is none or it is not, byte by byte, what was written.

    A changed bit in it may turn every matte to 1, which shows the room.
    """
    try:
        graph, weights = path.read_bytes(), path.with_suffix(".bin").read_bytes()
        if path.with_suffix(".sha256").read_text(encoding="ascii") != _digest(graph, weights):
            return None
        return core.read_model(graph, ov.Tensor(np.frombuffer(weights, np.uint8)))
    except (OSError, ValueError, RuntimeError):
        return None


def _digest(graph: bytes, weights: bytes) -> str:
    """Return a hexadecimal SHA-256 of both files."""
    return hashlib.sha256(hashlib.sha256(graph).digest() + weights).hexdigest()


def convert(network: P3MNet, *, semantic: bool = True, size: tuple[int, int] | None = None) -> ov.Model:
    """Convert a network to OpenVINO: input (1, 3, H, W), ImageNet-normalised; outputs alpha and, if wanted, class probabilities.

    `size` = (height, width) makes a model for that size alone; Swin-T's windows need one.

    OpenVINO's front end is called directly: its `convert_model` reports usage over the network.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(1, 3, *(size or (64, 96)))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # PyTorch calls its own tracing deprecated; OpenVINO has no other stable entrance yet
        decoder = TorchScriptPythonDecoder(_Outputs(network.eval(), semantic=semantic), example_input=(example,))
    front_end = FrontEndManager().load_by_framework("pytorch")
    model: ov.Model = front_end.convert(front_end.load(decoder))
    model.reshape([1, 3, *(size or (-1, -1))])
    return model


def _prepared(model: ov.Model) -> ov.Model:
    """Make the model take interleaved uint8 RGB images, normalising inside."""
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_shape([1, -1, -1, 3])
    steps.input().model().set_layout(ov.Layout("NCHW"))
    mean, std = [255 * m for m in IMAGENET_MEAN], [255 * s for s in IMAGENET_STD]
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(mean).scale(std)
    return steps.build()
