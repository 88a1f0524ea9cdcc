"""From what the user calls a method to the method."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from p3mvideo.engine import at_quality, load_engine
from p3mvideo.engine.graph import GRAPH_SUFFIXES
from p3mvideo.engine.load_engine import torch_engine
from p3mvideo.errors import ConfigError
from p3mvideo.evaluation.methods.graphs import GraphMethod
from p3mvideo.evaluation.methods.method import Method
from p3mvideo.evaluation.methods.networks import EngineMethod, NamedNetwork, NetworkMethod
from p3mvideo.evaluation.methods.solvers import SOLVERS, SolverMethod
from p3mvideo.evaluation.methods.trimap_networks import LAYOUTS, TrimapNetworkMethod
from p3mvideo.files.file_hash import file_sha256
from p3mvideo.model.variants import REALTIME_VARIANTS
from p3mvideo.options import EngineOptions
from p3mvideo.options.evaluation import OnnxInput, Strategy
from p3mvideo.weights import find_weights
from p3mvideo.weights.importer import import_network
from p3mvideo.weights.network import load_network
from p3mvideo.weights.open_network import is_checkpoint


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
    if model.endswith(GRAPH_SUFFIXES):
        return Path(model).stem
    if is_checkpoint(model):
        return Path(model).name.removesuffix(".tar").removesuffix(".pth")
    return find_weights(model).name


def make_method(
    model: str, *, strategy: Strategy = "auto", engine: EngineOptions = EngineOptions(), onnx_input: OnnxInput = "auto", photographs: bool = True
) -> Method:
    """Load the method that is called so.

    Args:
        model: A key of `SOLVERS`; the path of an .onnx file, or of an .xml or .pt file that `export` wrote; LAYOUT:FILE.onnx with a key of
            `LAYOUTS`; name or path of weights; or a published checkpoint (.pth, .pth.tar), which is read without running anything in it.
        strategy: How a P3M-Net looks at images; "auto" is "engine" for the real-time networks and "resize" for the published ones.
        engine: Device; for the strategy "engine" runtime, precision and working size, too: the others compute in 32 bits, at sizes of their own.
        onnx_input: What a foreign ONNX network expects.
        photographs: Whether the images are photographs, and not the frames of clips; see `EngineOptions.quality`.

    Raises:
        WeightsError, DeviceError, ConfigError: What is needed for it is not there, or the options contradict it.
    """
    method = _make(model, strategy, engine, onnx_input, photographs=photographs)
    if engine.downsample_ratio != "auto" and not isinstance(method, EngineMethod):
        raise ConfigError(f"the working size of {method.name} cannot be chosen", hint="leave --downsample-ratio out")
    return method


def _make(model: str, strategy: Strategy, engine: EngineOptions, onnx_input: OnnxInput, *, photographs: bool) -> Method:
    if model in SOLVERS:
        return SolverMethod(model)
    layout, _, file = model.partition(":")
    if layout in LAYOUTS:
        return TrimapNetworkMethod(Path(file), layout)
    if model.endswith(GRAPH_SUFFIXES):
        return GraphMethod(Path(model), onnx_input, strategy, quality=engine.quality, photographs=photographs)
    weights = _named(model)
    if strategy == "auto":
        strategy = "engine" if weights.variant in REALTIME_VARIANTS else "resize"
    if strategy == "engine":
        options = replace(engine, model=model)
        loaded = torch_engine(weights.load(), model, options) if is_checkpoint(model) else load_engine(options, live=True)
        return EngineMethod(weights, at_quality(loaded, engine.quality, photograph=photographs), engine.downsample_ratio)
    if strategy in ("resize", "hybrid"):
        return NetworkMethod(weights, strategy, engine.device)
    raise ConfigError(f"there is no strategy {strategy!r}", hint="auto, engine, resize or hybrid")


def _named(model: str) -> NamedNetwork:
    if is_checkpoint(model):
        variant, network = import_network(Path(model))
        return NamedNetwork(method_name(model), file_sha256(Path(model)), variant, lambda: network)
    weights = find_weights(model)
    return NamedNetwork(weights.name, weights.sha256 or file_sha256(weights.path), weights.variant, lambda: load_network(weights))
