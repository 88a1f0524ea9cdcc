"""Exported networks give PyTorch's mattes, in a runtime of their own, at any size or at one."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from p3mvideo.app.export import ExportFormat, export
from p3mvideo.engine.export import OPSET, GraphFormat, Parity, export_graph
from p3mvideo.engine.graph import load_graph
from p3mvideo.engine.graph_description import GraphDescription
from p3mvideo.errors import ConfigError, DeviceError, SinkError, WeightsError
from p3mvideo.model.encoders.swin import SwinStage
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.variants import build_network
from p3mvideo.ops.imagenet import IMAGENET_MEAN, IMAGENET_STD
from p3mvideo.options.engine import DEFAULT_MODEL
from p3mvideo.weights.network import load_network
from tests.evaluation.miniature import tiny_weights
from tests.training import miniature

FORMATS: dict[GraphFormat, tuple[str, ...]] = {"onnx": ("onnx", "onnxruntime"), "openvino": ("openvino",), "torchscript": ()}
ENDINGS = {"onnx": "onnx", "openvino": "xml", "torchscript": "pt"}


def small_network() -> P3MNet:
    torch.manual_seed(0)
    return build_network("p3mnet-mobilenetv2", {"backbone": miniature.BACKBONE})


def described(size: tuple[int, int] | None = None) -> GraphDescription:
    return GraphDescription("mine", "p3mnet-mobilenetv2", 'MIT, "as is"', "a test: é", size)


def skip_without(format: GraphFormat) -> None:
    for library in FORMATS[format]:
        pytest.importorskip(library)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "size"),
    # One size in ONNX: below, with unpooling.
    [("onnx", None), ("openvino", None), ("openvino", (96, 64)), ("torchscript", None), ("torchscript", (96, 64))],
)
def test_the_graph_is_the_same_network(tmp_path: Path, format: GraphFormat, size: tuple[int, int] | None) -> None:
    skip_without(format)
    path = tmp_path / f"net.{ENDINGS[format]}"
    description = described(size)
    parities = export_graph(small_network(), path, description, format=format)
    assert [(parity.width, parity.height) for parity in parities] == ([size] if size else [(256, 192), (320, 448)])
    assert all(parity.agrees and parity.largest < 1e-3 for parity in parities)
    assert path in set(tmp_path.iterdir())
    assert load_graph(path).description == description
    assert all(file.stem == "net" for file in tmp_path.iterdir()), "nothing half-written stays"


@pytest.mark.slow
def test_the_shipped_network_in_onnx_runtime_and_its_normalisation_inside(tmp_path: Path) -> None:
    skip_without("onnx")
    result = export(format="onnx", output=tmp_path / "net.onnx")
    assert result.agrees
    assert "256x192" in result.table()
    image = np.random.default_rng(1).random((1, 3, 128, 160), np.float32)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.inference_mode():
        expected = load_network()((torch.from_numpy(image) - mean) / std).alpha[0, 0].numpy()
    graph = load_graph(tmp_path / "net.onnx")
    assert np.abs(graph.alpha(image) - expected).mean() < 0.1 / 255
    assert graph.description is not None
    assert (graph.description.weights, graph.description.licence) == (DEFAULT_MODEL, "MIT")
    assert "normalisation inside, licence MIT" in result.description


@pytest.mark.slow
def test_a_graph_that_says_it_takes_something_else_is_refused(tmp_path: Path) -> None:
    skip_without("onnx")
    import onnx

    path = tmp_path / "net.onnx"
    export_graph(small_network(), path, described(), format="onnx")
    model = onnx.load(path)
    next(entry for entry in model.metadata_props if entry.key == "p3mvideo.input_range").value = "0 to 255"
    onnx.save(model, path)
    with pytest.raises(WeightsError, match="its input range is '0 to 255', expected '0 to 1'"):
        load_graph(path)


@pytest.mark.slow
def test_a_published_network_with_unpooling(tmp_path: Path) -> None:
    skip_without("onnx")
    torch.manual_seed(0)
    (parity,) = export_graph(build_network("p3mnet-resnet34", {}), tmp_path / "net.onnx", described((96, 64)), format="onnx")
    assert parity.agrees


def test_weights_in_32_bits_are_read_again(tmp_path: Path) -> None:
    result = export(format="safetensors", output=tmp_path / "own.safetensors")
    assert result.agrees
    before, after = load_network().state_dict(), load_network(tmp_path / "own.safetensors").state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_weights_are_never_written_over_their_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tiny_weights(tmp_path / "own.safetensors")
    monkeypatch.chdir(tmp_path)
    assert export(str(own), format="safetensors").path == Path("own-f32.safetensors")
    with pytest.raises(ConfigError, match="the file of the weights themselves"):
        export(str(own), format="safetensors", output=own, overwrite=True)


def test_a_network_that_differs_is_told() -> None:
    assert not Parity(64, 64, largest=0.5, mean=0.01, semantic=0.0).agrees
    assert not Parity(64, 64, largest=0.5, mean=0.0, semantic=0.01).agrees


@pytest.mark.parametrize(("options", "kind", "message"), [
    ({"format": "tflite"}, ConfigError, "there is no format"),
    ({"format": "onnx", "output": Path("net.pt")}, ConfigError, "is not a name for onnx"),
    ({"format": "torchscript", "output": Path("net.pt"), "size": (100, 64)}, ConfigError, "multiples of 32"),
    ({"format": "safetensors", "size": (64, 64)}, ConfigError, "no image size"),
])  # fmt: skip
def test_what_makes_no_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object], kind: type[Exception], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=message):
        export(**options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("format", "name"), [("onnx", "net.onnx"), ("torchscript", "net.pt"), ("safetensors", "net.safetensors")])
def test_a_file_that_exists_is_kept(tmp_path: Path, format: ExportFormat, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match="exists"):
        export(format=format, output=tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_neither_file_of_an_openvino_model_is_replaced(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"net{suffix}").write_text("mine")
    with pytest.raises(ConfigError, match=rf"net\{suffix} exists"):
        export(format="openvino", output=tmp_path / "net.xml")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(f"net{suffix}", "mine")]


def test_names_may_have_brackets(tmp_path: Path) -> None:
    path = tmp_path / "net[1].pt"
    export_graph(small_network(), path, described(), format="torchscript")
    assert [file.name for file in tmp_path.iterdir()] == ["net[1].pt"]


def test_what_a_format_needs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.engine.export.find_spec", lambda name: None)
    with pytest.raises(DeviceError, match="needs onnx"):
        export_graph(small_network(), tmp_path / "net.onnx", described(), format="onnx")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match="cannot write"):
        export_graph(small_network(), tmp_path / "file" / "net.pt", described(), format="torchscript")


@pytest.mark.parametrize(("height", "width"), [(24, 16), (7, 20)])
def test_windows_of_any_number_are_the_same_in_onnx(tmp_path: Path, height: int, width: int) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")

    class Shifted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stage = SwinStage(8, 2, [0.0, 0.0], last=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.stage(x)
            return y

    torch.manual_seed(0)
    network, x = Shifted().eval(), torch.rand(1, height, width, 8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (x,), str(tmp_path / "a.onnx"), dynamo=False, opset_version=OPSET, input_names=["x"])
        (found,) = onnxruntime.InferenceSession(str(tmp_path / "a.onnx")).run(None, {"x": x.numpy()})
        assert np.abs(found - network(x).numpy()).max() < 1e-5
