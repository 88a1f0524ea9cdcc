"""Networks in files that run without this program's code: ONNX, OpenVINO and TorchScript, behind one interface."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from p3mvideo.engine.graph_description import EXTRA_FILE, PREFIX, GraphDescription, read_description
from p3mvideo.errors import ConfigError, DeviceError, P3MVideoError, WeightsError
from p3mvideo.frame import Float32Array

ALPHA_NAMES = ("alpha", "pha", "matte", "fused")


class GraphInput(NamedTuple):
    """One input of a graph, float32 (1, channels, height, width)."""

    name: str
    channels: int | None
    """None if any number is taken, or it is not known."""
    size: tuple[int, int] | None
    """(width, height); None if any is taken."""


class Graph:
    """A loaded network on the CPU.

    Args:
        path: Its file.
        inputs: What it takes.
        outputs: Names of what it gives.
        description: What its file says of it; None if this program did not write it.
        run: Takes the inputs and returns the outputs, both in order.
    """

    def __init__(
        self,
        path: Path,
        inputs: tuple[GraphInput, ...],
        outputs: tuple[str, ...],
        description: GraphDescription | None,
        run: Callable[[tuple[Float32Array, ...]], tuple[Float32Array, ...]],
    ) -> None:
        self.path, self.inputs, self.outputs, self.description, self._run = path, inputs, outputs, description, run
        self.size = inputs[0].size
        """(width, height) that it takes; None for any."""

    def __call__(self, *arrays: Float32Array) -> dict[str, Float32Array]:
        """Return the outputs by name for the inputs in order, float32 (1, C, H, W).

        Raises:
            ConfigError: It does not take them.
        """
        try:
            return dict(zip(self.outputs, self._run(arrays), strict=True))
        except Exception as error:  # each runtime has exceptions of its own
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise ConfigError(f"{self.path} does not take input of the shape {shapes}: {_first_line(error)}", hint="check its size") from error

    def alpha(self, *arrays: Float32Array, channels: int = 1) -> Float32Array:
        """Return the alpha, float32 (H, W): the first channel of the output that is called so, or of the only one.

        Args:
            arrays: The inputs.
            channels: How many channels that output has; FBA Matting's has colours beside the alpha.

        Raises:
            ConfigError: It does not take the input, or gives no alpha.
        """
        name = self.alpha_output()
        values = np.asarray(self(*arrays)[name], np.float32)
        if values.size and values.shape[:-2] in ((), (1,)):  # some leave out axes of length 1
            values = values.reshape(1, 1, *values.shape[-2:])
        if values.ndim != 4 or values.shape[:2] != (1, channels):
            raise ConfigError(f"the output {name} of {self.path} has the shape {values.shape}, expected one alpha (1, {channels}, H, W)")
        if not np.isfinite(values[0, 0]).all():
            raise ConfigError(f"the output {name} of {self.path} holds values that are not finite, expected an alpha from 0 to 1")
        return np.ascontiguousarray(values[0, 0])

    def alpha_output(self) -> str:
        """Return the name of the output with the alpha.

        Raises:
            ConfigError: It cannot be told.
        """
        named = [name for name in self.outputs if name.lower() in ALPHA_NAMES]
        if not named and len(self.outputs) != 1:
            raise ConfigError(f"{self.path} gives {', '.join(self.outputs)}", hint=f"Expected one output, or one called {', '.join(ALPHA_NAMES)}.")
        return (named or list(self.outputs))[0]


def load_graph(path: Path) -> Graph:
    """Load an .onnx, .xml (OpenVINO, with its .bin) or .pt (TorchScript) file; of the latter two, such as `export` wrote.

    ONNX and OpenVINO files are data. TorchScript is a program, which may read and write files when it is called: load only what you exported.

    Raises:
        DeviceError: What runs it is not installed.
        WeightsError: The file is missing or damaged.
        ConfigError: The file is of another kind, or takes other inputs than float images.
    """
    if path.suffix not in _LOADERS:
        raise ConfigError(f"{path} is not a network file", hint=f"the endings are {', '.join(_LOADERS)}")
    if not path.is_file():
        raise WeightsError(f"there is no file {path}", hint=f"Give the path of a file that ends in {', '.join(_LOADERS)}.")
    try:
        return _LOADERS[path.suffix](path)
    except P3MVideoError:
        raise
    except Exception as error:  # each runtime has exceptions of its own, which share no base class
        raise WeightsError(f"{path} cannot be loaded: {_first_line(error)}", hint="Copy or export it again.") from error


def _load_onnx(path: Path) -> Graph:
    if find_spec("onnxruntime") is None:
        raise DeviceError("ONNX Runtime is not installed", hint="pip install 'p3mvideo[onnx]'")
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs, outputs = session.get_inputs(), tuple(output.name for output in session.get_outputs())
    if any(len(one.shape) != 4 or one.type != "tensor(float)" for one in inputs):
        raise ConfigError(
            f"{path} takes {[(i.name, i.shape, i.type) for i in inputs]}", hint="Expected float images (1, C, H, W), and trimaps of the same kind."
        )
    entries = session.get_modelmeta().custom_metadata_map
    description = read_description({name.removeprefix(PREFIX): text for name, text in entries.items() if name.startswith(PREFIX)}, path)
    names = [one.name for one in inputs]
    return Graph(
        path, tuple(_onnx_input(one) for one in inputs), outputs, description,
        lambda arrays: tuple(session.run(list(outputs), dict(zip(names, arrays, strict=True)))),
    )  # fmt: skip


def _onnx_input(one: Any) -> GraphInput:
    channels, height, width = one.shape[1:]
    size = (width, height) if isinstance(width, int) and isinstance(height, int) else None
    return GraphInput(one.name, channels if isinstance(channels, int) else None, size)


def _load_openvino(path: Path) -> Graph:
    if find_spec("openvino") is None:
        raise DeviceError("OpenVINO is not installed", hint="pip install openvino")
    from p3mvideo.openvino_cpu import CORE

    model = CORE.read_model(path)
    root = PREFIX.rstrip(".")
    entries = {name: str(value.astype(str)) for name, value in model.get_rt_info(root).astype(dict).items()} if model.has_rt_info(root) else {}
    description = _own(read_description(entries, path), path)
    compiled = CORE.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    # The results hold the runtime's own memory, which its next call writes again.
    return _exported(path, description, lambda arrays: tuple(compiled({"image": arrays[0]})[name].copy() for name in ("alpha", "semantic")))


def _load_torchscript(path: Path) -> Graph:
    files = {EXTRA_FILE: b""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch calls TorchScript deprecated
        module = torch.jit.load(str(path), map_location="cpu", _extra_files=files)  # type: ignore[no-untyped-call]
    description = _own(read_description(json.loads(files[EXTRA_FILE] or b"{}"), path), path)

    def run(arrays: tuple[Float32Array, ...]) -> tuple[Float32Array, ...]:
        with torch.inference_mode():
            return tuple(output.numpy() for output in module(torch.from_numpy(arrays[0])))

    return _exported(path, description, run)


def _own(description: GraphDescription | None, path: Path) -> GraphDescription:
    if description is None:
        raise WeightsError(f"{path} does not say what it takes, so this program did not export it", hint="Foreign networks are taken as .onnx.")
    return description


def _exported(path: Path, description: GraphDescription, run: Callable[[tuple[Float32Array, ...]], tuple[Float32Array, ...]]) -> Graph:
    return Graph(path, (GraphInput("image", 3, description.size),), ("alpha", "semantic"), description, run)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


_LOADERS: dict[str, Callable[[Path], Graph]] = {".onnx": _load_onnx, ".xml": _load_openvino, ".pt": _load_torchscript}
GRAPH_SUFFIXES = tuple(_LOADERS)
