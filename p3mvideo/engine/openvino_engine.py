"""The network in OpenVINO, on the CPU."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

from p3mvideo.config import cache_folder
from p3mvideo.cores import usable_cores
from p3mvideo.engine.image_batch import check_images, host_array
from p3mvideo.frame import Pixels
from p3mvideo.matte import Matte
from p3mvideo.openvino_cpu import CORE
from p3mvideo.ops.imagenet import IMAGENET_MEAN, IMAGENET_STD
from p3mvideo.ops.shrink import shrunk
from p3mvideo.ops.working_size import working_size

if TYPE_CHECKING:
    from p3mvideo.model.p3mnet import P3MNet

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
        self._ratio = downsample_ratio
        self._options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY" if live else "THROUGHPUT",
            "INFERENCE_NUM_THREADS": threads or usable_cores(),
            # Decoder, encoder and all other stages want the same cores; only the system can share them out.
            "ENABLE_CPU_PINNING": False,
        }
        self._model = _prepared(_converted(make_network, f"{key}-semantic" if semantic else key, semantic=semantic))
        self._compiled: dict[tuple[int, int], list[ov.InferRequest]] = {}
        self._compiling = threading.Lock()
        self._compiler: threading.Thread | None = None

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        """Return a matte at working size for each image, on the CPU. See `p3mvideo.stages.MattingEngine`.

        May be called from several threads; calls take their turns.

        Raises:
            TypeError, ValueError: The images are not what `check_images` expects.
        """
        width, height = check_images(images)
        size = size or working_size(width, height, self._ratio)
        mattes: list[Matte] = []
        with self._one_at_a_time:
            requests = self._requests(size)
            running: deque[ov.InferRequest] = deque()
            try:
                for index, image in enumerate(images):
                    pixels = shrunk(host_array(image), size)[None]
                    if len(running) == len(requests):
                        mattes.append(self._matte_of(running.popleft()))
                    running.append(requests[index % len(requests)])
                    running[-1].start_async({0: pixels})
                while running:
                    mattes.append(self._matte_of(running.popleft()))
            finally:
                for request in running:
                    request.wait()
        return mattes

    def _matte_of(self, request: ov.InferRequest) -> Matte:
        """Wait for a request that was started, and return its matte.

        It is waited for, not handed over by a callback: one in Python would run in the runtime's own threads, for which Python may wait when
        it frees a network, while they wait for Python.
        """
        request.wait()
        # Copied, because the request's tensors are written again by its next image.
        semantic = request.get_output_tensor(1).data[0].copy() if self._semantic else None
        return Matte(request.get_output_tensor(0).data[0].copy(), semantic)

    def is_ready(self, size: tuple[int, int]) -> bool:
        """Return whether the network is compiled for a working size (width, height); if not, a thread does it meanwhile. Called by one thread."""
        if size in self._compiled:
            return True
        if self._compiler is None or not self._compiler.is_alive():
            # No daemon: the interpreter waits for it, for a thread that comes back from the runtime after it aborts the process.
            self._compiler = threading.Thread(target=self._requests, args=(size,), name="p3mvideo compiler")
            self._compiler.start()
        return False

    def _requests(self, size: tuple[int, int]) -> list[ov.InferRequest]:
        """Return the requests, as many as are worked on at a time, of the network compiled for a working size (width, height)."""
        with self._compiling:
            requests = self._compiled.get(size)
            if requests is None:
                if len(self._compiled) == KEPT_SIZES:
                    del self._compiled[next(iter(self._compiled))]
                model = self._model.clone()
                model.reshape([1, size[1], size[0], 3])
                compiled = CORE.compile_model(model, "CPU", self._options)
                count: int = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
                requests = self._compiled[size] = [compiled.create_infer_request() for _ in range(count)]
            return requests


def _converted(make_network: Callable[[], P3MNet], key: str, *, semantic: bool) -> ov.Model:
    """Return the network as OpenVINO model, converted now or earlier."""
    path = cache_folder() / "openvino" / f"{key}-{ov.__version__.split('-')[0]}.xml"
    with CONVERTING:
        kept = _read_kept(path)
        if kept is not None:
            return kept
        # Imported here: what was converted once needs no PyTorch any more.
        from p3mvideo.engine.openvino_conversion import convert

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


def _read_kept(path: Path) -> ov.Model | None:
    """Return the model that was kept under a path, None if there is none or it is not, byte by byte, what was written.

    A changed bit in it may turn every matte to 1, which shows the room.
    """
    try:
        graph, weights = path.read_bytes(), path.with_suffix(".bin").read_bytes()
        if path.with_suffix(".sha256").read_text(encoding="ascii") != _digest(graph, weights):
            return None
        return CORE.read_model(graph, ov.Tensor(np.frombuffer(weights, np.uint8)))
    except (OSError, ValueError, RuntimeError):
        return None


def _digest(graph: bytes, weights: bytes) -> str:
    """Return a hexadecimal SHA-256 of both files."""
    return hashlib.sha256(hashlib.sha256(graph).digest() + weights).hexdigest()


def _prepared(model: ov.Model) -> ov.Model:
    """Make the model take interleaved uint8 RGB images, normalising inside."""
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_shape([1, -1, -1, 3])
    steps.input().model().set_layout(ov.Layout("NCHW"))
    mean, std = [255 * m for m in IMAGENET_MEAN], [255 * s for s in IMAGENET_STD]
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(mean).scale(std)
    return steps.build()
