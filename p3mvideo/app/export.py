"""`p3mvideo export`: a network as a file for other programs, with a report of how it compares with PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from p3mvideo.engine.export import SUFFIXES, Parity, export_graph
from p3mvideo.engine.graph_description import GraphDescription
from p3mvideo.errors import ConfigError
from p3mvideo.model.interface import describe_interface
from p3mvideo.weights import DEFAULT_MODEL, find_weights
from p3mvideo.weights.network import load_network
from p3mvideo.weights.tensors import save_weights

ExportFormat = Literal["onnx", "openvino", "torchscript", "safetensors"]


@dataclass(frozen=True)
class ExportResult:
    """What `export` wrote."""

    path: Path
    size_bytes: int
    parities: tuple[Parity, ...]
    """How the graph compares with PyTorch; empty for safetensors, which holds the weights themselves."""
    description: str
    """What the file says of itself, in one line."""

    @property
    def agrees(self) -> bool:
        """Whether the exported network gives the same mattes."""
        return all(parity.agrees for parity in self.parities)

    def table(self) -> str:
        """Return the report as text."""
        lines = [f"{'size':>9}  {'alpha, largest':>14}  {'alpha, mean':>11}  {'classes, mean':>13}"]
        lines += [f"{f'{p.width}x{p.height}':>9}  {p.largest:>14.2e}  {p.mean:>11.2e}  {p.semantic:>13.2e}" for p in self.parities]
        return "\n".join(lines)


def export(
    model: str = DEFAULT_MODEL,
    *,
    format: ExportFormat = "onnx",
    output: Path | None = None,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
) -> ExportResult:
    """Write a network for other programs. See `p3mvideo.engine.export` for what goes in and comes out of it.

    Args:
        model: Name or path of the weights.
        format: onnx, openvino (.xml with .bin), torchscript, or safetensors (weights only, in 32 bits).
        output: Where to write; by default the model's name with the format's ending, NAME-f32.safetensors for safetensors.
        size: (width, height) that it takes; None for any multiples of 32.
        overwrite: Replace a file that exists.

    Raises:
        ConfigError: Options make no sense, the file exists, or the network cannot be exported so.
        DeviceError: What the format needs is not installed.
        SinkError: The file cannot be written.
        WeightsError: There are no such weights.
    """
    suffixes: dict[str, str] = {**{str(name): suffix for name, suffix in SUFFIXES.items()}, "safetensors": ".safetensors"}
    if format not in suffixes:
        raise ConfigError(f"there is no format {format!r}", hint=f"known are {', '.join(suffixes)}")
    if format == "safetensors" and size is not None:
        raise ConfigError("a safetensors file holds weights, which have no image size", hint="leave --size out")
    weights = find_weights(model)
    # The weights' own file may lie here under its name.
    path = output or Path(f"{weights.name}-f32.safetensors" if format == "safetensors" else f"{weights.name}{suffixes[format]}")
    if path.suffix != suffixes[format]:
        raise ConfigError(f"{path.name} is not a name for {format}", hint=f"its ending is {suffixes[format]}")
    if path.resolve() == weights.path.resolve():
        raise ConfigError(f"{path} is the file of the weights themselves", hint="choose another --output")
    files = [path, path.with_suffix(".bin")] if format == "openvino" else [path]
    existing = next((file for file in files if file.exists()), None)
    if existing is not None and not overwrite:
        raise ConfigError(f"{existing} exists", hint="choose another --output, or --overwrite")
    network = load_network(weights)
    parities: list[Parity] = []
    if format == "safetensors":
        save_weights(path, network.state_dict(), variant=weights.variant, arguments=weights.arguments, licence=weights.licence, source=weights.source)
        says = f"{weights.variant}, {describe_interface(weights.variant, normalises=False)['normalisation']}, licence {weights.licence or 'unknown'}"
    else:
        description = GraphDescription(weights.name, weights.variant, weights.licence, weights.source, size)
        parities = export_graph(network, path, description, format=format)
        says = str(description)
    return ExportResult(path, sum(file.stat().st_size for file in files), tuple(parities), says)
