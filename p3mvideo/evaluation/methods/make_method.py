"""From what the user calls a method to the method."""

from __future__ import annotations

from pathlib import Path

from p3mvideo.engine.graph import GRAPH_SUFFIXES
from p3mvideo.errors import ConfigError
from p3mvideo.evaluation.methods.graphs import GraphMethod
from p3mvideo.evaluation.methods.method import Method
from p3mvideo.evaluation.methods.networks import EngineMethod, NetworkMethod
from p3mvideo.evaluation.methods.solvers import SOLVERS, SolverMethod
from p3mvideo.evaluation.methods.trimap_networks import LAYOUTS, TrimapNetworkMethod
from p3mvideo.model.variants import REALTIME_VARIANTS
from p3mvideo.options import EngineOptions
from p3mvideo.options.evaluation import OnnxInput, Strategy
from p3mvideo.weights import find_weights


def method_name(model: str) -> str:
    """Return what reports will call the method, before anything of it is loaded.

    Raises:
        WeightsError: There are no weights of that name.
    """
    if model in SOLVERS:
        return model
    layout, _, file = model.partition(":")
    if layout in LAYOUTS:
        return Path(file).stem
    return Path(model).stem if model.endswith(GRAPH_SUFFIXES) else find_weights(model).name


def make_method(model: str, *, strategy: Strategy = "auto", engine: EngineOptions = EngineOptions(), onnx_input: OnnxInput = "auto") -> Method:
    """Load the method that is called so.

    Args:
        model: A key of `SOLVERS`; the path of an .onnx file, or of an .xml or .pt file that `export` wrote; LAYOUT:FILE.onnx with a key of
            `LAYOUTS`; or name or path of weights.
        strategy: How a P3M-Net looks at images; "auto" is "engine" for the real-time networks and "resize" for the published ones.
        engine: Device; and runtime and precision for the strategy "engine", the others compute in 32 bits.
        onnx_input: What a foreign ONNX network expects.

    Raises:
        WeightsError, DeviceError, ConfigError: What is needed for it is not there, or the options contradict it.
    """
    if model in SOLVERS:
        return SolverMethod(model)
    layout, _, file = model.partition(":")
    if layout in LAYOUTS:
        return TrimapNetworkMethod(Path(file), layout)
    if model.endswith(GRAPH_SUFFIXES):
        return GraphMethod(Path(model), onnx_input, strategy)
    weights = find_weights(model)
    if strategy == "auto":
        strategy = "engine" if weights.variant in REALTIME_VARIANTS else "resize"
    if strategy == "engine":
        return EngineMethod(weights, engine.device, engine.runtime, engine.precision)
    if strategy in ("resize", "hybrid"):
        return NetworkMethod(weights, strategy, engine.device)
    raise ConfigError(f"there is no strategy {strategy!r}", hint="auto, engine, resize or hybrid")
