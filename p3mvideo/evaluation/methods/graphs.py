"""Networks in files of their own: those that `export` wrote, which say what they take, and foreign ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.engine import GuidedRefiner
from p3mvideo.engine.graph import load_graph
from p3mvideo.engine.image_batch import check_images, host_array
from p3mvideo.engine.quality import with_looks
from p3mvideo.engine.strategies import network_size
from p3mvideo.errors import ConfigError
from p3mvideo.files.file_hash import file_sha256
from p3mvideo.frame import Float32Array, Frame, Pixels, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.model.variants import REALTIME_VARIANTS
from p3mvideo.ops.imagenet import IMAGENET_MEAN, IMAGENET_STD
from p3mvideo.ops.shrink import shrunk
from p3mvideo.ops.working_size import working_size
from p3mvideo.options.engine import Quality
from p3mvideo.options.evaluation import OnnxInput, Strategy

SCALES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD), "unit": ((0.0,), (1.0,)), "symmetric": ((0.5,), (0.5,)),
}  # fmt: skip
"""What is subtracted from values in [0, 1], and what the rest is divided by."""


class GraphMethod:
    """A network with one image as input. One that this program exported is run as its weights would be; a foreign one as in the strategy "resize".

    Args:
        path: Its file, see `load_graph`.
        values: What a foreign network expects as input; "auto" is "imagenet" for those.
        strategy: How one of this program's looks at an image.
        quality: How often one of this program's looks at an image, where it is run as its weights would be.
        photographs: Whether the images are photographs.

    Raises:
        WeightsError, DeviceError: It cannot be loaded.
        ConfigError: It is another kind of network, or `values` or `strategy` contradict what it says of itself.
    """

    learned = True

    def __init__(
        self, path: Path, values: OnnxInput = "auto", strategy: Strategy = "auto", *, quality: Quality = "standard", photographs: bool = True
    ) -> None:
        self._graph = load_graph(path)
        self._graph.alpha_output()
        description = self._graph.description
        if len(self._graph.inputs) != 1 or self._graph.inputs[0].channels not in (3, None):
            takes = ", ".join(f"{one.name} with {one.channels} channels" for one in self._graph.inputs)
            raise ConfigError(
                f"{path} takes {takes}, expected one image with 3", hint="Say how a trimap-based network takes its trimap: dim:FILE.onnx, see --help."
            )
        if description is not None and values not in ("auto", "unit"):
            raise ConfigError(f"{path} normalises its input itself, and --onnx-input {values} would do it again", hint="leave --onnx-input out")
        if description is not None and strategy == "hybrid":
            raise ConfigError(f"{path} has no output of the detail branch, which the strategy hybrid needs", hint="evaluate the weights instead")
        taken = "unit" if description is not None else "imagenet" if values == "auto" else values
        realtime = description is not None and description.variant in REALTIME_VARIANTS
        self._as_engine = description is not None and (strategy == "engine" or (strategy == "auto" and realtime))
        self._look = with_looks(self._mattes, quality, "cpu", photograph=photographs)
        self._mean, self._std = (np.asarray(scale, np.float32) for scale in SCALES[taken])
        self._refine = GuidedRefiner()
        self._one_at_a_time = threading.Lock()
        self.name = path.stem
        said = f"does not say what it takes, so it gets {taken} values (--onnx-input)" if description is None else str(description)
        self.description = f"{path.name}: {said}"
        files = [file for file in (path, path.with_suffix(".bin")) if file == path or path.suffix == ".xml"]
        self.identity = f"{file_sha256(*files)}, {taken}, {f'engine, {quality}' if self._as_engine else 'resize'}"

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`. The trimap is not looked at."""
        height, width = image.shape[:2]
        if not self._as_engine:
            small = cv2.resize(image.astype(np.float32) / np.float32(255), self._graph.size or network_size(width, height, 0.5))
            return np.asarray(cv2.resize(self._run(small), (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 1), np.float32)
        frame = Frame.from_interleaved(image)
        (matte,) = self._look([frame.pixels])
        return self._refine(frame, matte).alpha_array()

    def _mattes(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        """Return a matte at working size for each image. See `p3mvideo.stages.MattingEngine`."""
        width, height = check_images(images)
        size = size or self._graph.size or working_size(width, height)
        looked = (shrunk(host_array(image), size).astype(np.float32) / np.float32(255) for image in images)
        return [Matte(self._run(small).clip(0, 1)[None]) for small in looked]

    def _run(self, small: Float32Array) -> Float32Array:
        values = np.ascontiguousarray(((small - self._mean) / self._std).transpose(2, 0, 1)[None])
        with self._one_at_a_time:  # an OpenVINO request belongs to one caller
            return self._graph.alpha(values)
