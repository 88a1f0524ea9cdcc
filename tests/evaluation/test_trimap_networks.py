"""Trimap-based networks get image and trimap as their authors give them, and keep what the trimap knows."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from p3mvideo.errors import ConfigError, DatasetError
from p3mvideo.evaluation.methods.trimap_networks import LAYOUTS, TrimapNetworkMethod
from p3mvideo.evaluation.run import evaluate
from p3mvideo.frame import UInt8Array
from tests.evaluation.miniature import miniature
from tests.harness.flat_options import call

R, G, B = (153 / 255 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (115 / 255 - 0.406) / 0.225
HEIGHT, WIDTH = 70, 96  # the height is no multiple of 8 or 32
MIDDLE = 42
NEAR_BACKGROUND, NEAR_FOREGROUND = (
    [float(np.exp(-(distance**2) / (2 * (scale * 320) ** 2))) for scale in (0.02, 0.08, 0.16)] for distance in (MIDDLE - 9, 80 - MIDDLE)
)
EXPECTED: dict[str, list[list[float]]] = {
    "dim": [[R, G, B], [0.5]],
    "gca": [[R, G, B], [0, 1, 0]],
    "indexnet": [[R, G, B], [0.5]],
    "fba": [[153 / 255, 128 / 255, 115 / 255], [0, 0], [R, G, B], NEAR_BACKGROUND + NEAR_FOREGROUND],
}
"""Of each layout, the channels of each input in the middle of a plain image: 33 pixels from the background, 38 from the foreground."""


def channel_network(path: Path, layout: str, channel: int, *, joined: bool = False) -> Path:
    """Write an ONNX network with a layout's inputs, or one for all, whose alpha is one of their channels."""
    counts = [len(values) for values in EXPECTED[layout]]
    counts = [sum(counts)] if joined else counts
    names = [f"input{number}" for number in range(len(counts))]
    outputs = LAYOUTS[layout].channels
    nodes = [
        helper.make_node("Concat", names, ["all"], axis=1),
        helper.make_node("Slice", ["all", "from", "to", "axis"], ["one"]),
        helper.make_node("Concat", ["one"] * outputs, ["alpha"], axis=1),
    ]
    numbers = [helper.make_tensor(name, TensorProto.INT64, [1], [value]) for name, value in (("from", channel), ("to", channel + 1), ("axis", 1))]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, count, "H", "W"]) for name, count in zip(names, counts, strict=True)]
    output = helper.make_tensor_value_info("alpha", TensorProto.FLOAT, [1, outputs, "H", "W"])
    graph = helper.make_graph(nodes, "channel", inputs, [output], numbers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def plain_image() -> tuple[UInt8Array, UInt8Array]:
    """Return an image of one colour, and its trimap: background on the left, foreground on the right."""
    trimap = np.full((HEIGHT, WIDTH), 128, np.uint8)
    trimap[:, :10], trimap[:, 80:] = 0, 255
    return np.full((HEIGHT, WIDTH, 3), (153, 128, 115), np.uint8), trimap


@pytest.mark.parametrize(("layout", "joined"), [*((name, False) for name in LAYOUTS), ("dim", True), ("indexnet", True)])
def test_each_layout_gives_its_networks_what_they_expect(tmp_path: Path, layout: str, joined: bool) -> None:
    image, trimap = plain_image()
    expected = [value for values in EXPECTED[layout] for value in values]
    for channel, value in enumerate(expected):
        alpha = TrimapNetworkMethod(channel_network(tmp_path / "net.onnx", layout, channel, joined=joined), layout).predict(image, trimap)
        assert alpha.shape == (HEIGHT, WIDTH)
        assert alpha.dtype == np.float32
        assert alpha[35, MIDDLE] == pytest.approx(value, abs=2e-3), channel
        assert (alpha[:, :10] == 0).all(), "what is known stays"
        assert (alpha[:, 80:] == 1).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_structure_stays_in_place(tmp_path: Path, layout: str) -> None:
    image, trimap = plain_image()
    trimap[:] = 128
    image[20:50, 30:60, 0] = 153 - 40
    alpha = TrimapNetworkMethod(channel_network(tmp_path / "net.onnx", layout, 0), layout).predict(image, trimap)
    darker = alpha < (alpha[0, 0] + alpha[35, 45]) / 2
    rows, columns = np.flatnonzero(darker.any(1)), np.flatnonzero(darker.any(0))
    assert np.abs([rows[0] - 20, rows[-1] - 49, columns[0] - 30, columns[-1] - 59]).max() <= 1


def test_a_trimap_network_beside_others_in_the_report(tmp_path: Path) -> None:
    data = miniature(tmp_path / "P3M-10k")
    (data / "validation/P3M-500-P/trimap/p_00000001.png").unlink()
    model = channel_network(tmp_path / "gca.onnx", "gca", 3)  # 0 in the unknown area
    done = call(evaluate, data, split="P3M-500-P", model=[f"B=gca:{model}"], worst=0, output=tmp_path / "out")
    assert [(score.method, score.name) for score in done.scores] == [("gca", "p_00000000"), ("gca", "p_00000002")]
    assert [failure.message for failure in done.failures] == ["gca needs a trimap, and there is none"]
    assert all(score.values["sad_fg"] == score.values["sad_bg"] == 0 for score in done.scores)


def test_inputs_of_another_layout_are_refused(tmp_path: Path) -> None:
    path = channel_network(tmp_path / "net.onnx", "gca", 0)
    with pytest.raises(ConfigError, match=r"inputs with \[3, 3\] channels, expected \[3, 1\] or \[4\] for dim"):
        TrimapNetworkMethod(path, "dim")
    with pytest.raises(DatasetError, match="needs a trimap"):
        TrimapNetworkMethod(path, "gca").predict(plain_image()[0], None)


def test_a_trimap_network_without_a_layout_says_how(tmp_path: Path) -> None:
    path = channel_network(tmp_path / "net.onnx", "dim", 0)
    with pytest.raises(ConfigError, match="expected one image with 3") as caught:
        call(evaluate, miniature(tmp_path / "P3M-10k"), split="P3M-500-P", model=[str(path)], output=tmp_path / "out")
    assert "dim:FILE.onnx" in caught.value.hint
