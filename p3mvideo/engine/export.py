"""Networks as files for other programs, checked against PyTorch.

An exported network takes one image, `image`, float32 RGB (1, 3, H, W) in [0, 1], and gives `alpha`, float32 (1, 1, H, W) in [0, 1], and
`semantic`, float32 (1, 3, H, W): the probabilities of background, transition and foreground. The normalisation is inside. The file says all this, and
whose weights it holds under which licence (`GraphDescription`); `load_graph` reads it.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from p3mvideo.engine.graph import Graph, load_graph
from p3mvideo.engine.graph_description import EXTRA_FILE, PREFIX, GraphDescription
from p3mvideo.errors import ConfigError, DeviceError, SinkError
from p3mvideo.frame import Float32Array
from p3mvideo.model.p3mnet import STRIDE, P3MNet
from p3mvideo.ops.imagenet import IMAGENET_MEAN, IMAGENET_STD

GraphFormat = Literal["onnx", "openvino", "torchscript"]
SUFFIXES: dict[GraphFormat, str] = {"onnx": ".onnx", "openvino": ".xml", "torchscript": ".pt"}
OPSET = 18
CHECKED_SIZES = ((256, 192), (320, 448))
"""(width, height) at which a network for any size is compared; other than the one it was traced at, and than each other."""


class Parity(NamedTuple):
    """How far the exported network is from PyTorch's on a test image."""

    width: int
    height: int
    largest: float
    """Largest difference of the alphas."""
    mean: float
    """Mean difference of the alphas."""
    semantic: float
    """Mean difference of the probabilities."""

    @property
    def agrees(self) -> bool:
        """Whether it is the same network: on average within a tenth of a grey level. Single pixels may differ, where a class is a tie."""
        return self.mean < 0.1 / 255 and self.semantic < 0.1 / 255


class PortableNetwork(nn.Module):
    """A P3M-Net in the form that is exported, see the module.

    Args:
        network: The network; it is switched to evaluation mode.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: P3MNet) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 3, H, W) in [0, 1] -> alpha (1, 1, H, W), probabilities (1, 3, H, W)."""
        output = self.network.decode(self.network.encoder((image - self.mean) / self.std))  # `encode` would freeze its check of the size
        return output.alpha, output.semantic_logits.softmax(1)


def export_graph(network: P3MNet, path: Path, description: GraphDescription, *, format: GraphFormat) -> list[Parity]:
    """Write a network as a graph and return how it compares with PyTorch, at its size or at several sizes.

    Args:
        network: The network.
        path: Where to write; it ends as `SUFFIXES` says.
        description: What the file says of itself, with the size of the images that the graph takes.
        format: Which kind of file.

    Raises:
        ConfigError: Name or size make no sense, or the network cannot be exported for any size.
        DeviceError: What the format needs is not installed.
        SinkError: The file cannot be written.
    """
    size = description.size
    if format not in get_args(GraphFormat) or path.suffix != SUFFIXES[format]:
        raise ConfigError(f"{path.name} is not a name for {format}", hint=f"the endings are {', '.join(SUFFIXES.values())}")
    if size is not None and (min(size) < STRIDE or size[0] % STRIDE or size[1] % STRIDE):
        raise ConfigError(f"P3M-Net takes sizes that are multiples of {STRIDE}, got {size[0]}x{size[1]}", hint="round to --size 512x288")
    for needed in {"onnx": ("onnx", "onnxruntime"), "openvino": ("openvino",), "torchscript": ()}[format]:
        if find_spec(needed) is None:
            raise DeviceError(f"the format {format} needs {needed}, which is not installed", hint=f"pip install {needed}")
    portable = PortableNetwork(network)
    width, height = size or (96, 64)
    example = torch.from_numpy(_image(width, height))
    write = {"onnx": _write_onnx, "openvino": _write_openvino, "torchscript": _write_torchscript}[format]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # PyTorch calls its own tracing deprecated; there is no stable other way yet
            part = Path(folder) / path.name
            try:
                write(portable, part, example, description)
            except (RuntimeError, IndexError, ValueError, AssertionError) as error:
                why = (str(error).strip() or type(error).__name__).splitlines()[-1][:200]
                raise ConfigError(f"the network cannot be exported to {format}: {why}", hint="export it for one --size") from error
            parities = _compared(portable, load_graph(part), [size] if size else list(CHECKED_SIZES))
            for file in sorted(part.parent.iterdir()):
                file.replace(path.with_suffix(file.suffix))
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror or error}", hint="check the folder's rights and the free space") from error
    return parities


def _write_onnx(portable: PortableNetwork, path: Path, example: Tensor, description: GraphDescription) -> None:
    import onnx

    axes = {name: {2: "height", 3: "width"} for name in ("image", "alpha", "semantic")}
    torch.onnx.export(
        portable, (example,), str(path), dynamo=False, opset_version=OPSET, input_names=["image"], output_names=["alpha", "semantic"],
        dynamic_axes=None if description.size else axes,
    )  # fmt: skip
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {PREFIX + name: text for name, text in description.entries().items()})
    onnx.save(model, path)


def _write_torchscript(portable: PortableNetwork, path: Path, example: Tensor, description: GraphDescription) -> None:
    files = {EXTRA_FILE: json.dumps(description.entries(), indent=1)}
    torch.jit.save(torch.jit.trace(portable, (example,), check_trace=False), str(path), _extra_files=files)  # type: ignore[no-untyped-call]


def _write_openvino(portable: PortableNetwork, path: Path, example: Tensor, description: GraphDescription) -> None:
    import openvino as ov
    from openvino.preprocess import PrePostProcessor

    from p3mvideo.engine.openvino_conversion import convert

    size = description.size
    model = convert(portable.network, semantic=True, size=None if size is None else (size[1], size[0]))
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.f32).set_layout(ov.Layout("NCHW"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().mean(list(IMAGENET_MEAN)).scale(list(IMAGENET_STD))
    model = steps.build()
    model.input().get_tensor().set_names({"image"})
    for output, name in zip(model.outputs, ("alpha", "semantic"), strict=True):
        output.get_tensor().set_names({name})
    for name, text in description.entries().items():
        model.set_rt_info(text, [PREFIX.rstrip("."), name])
    ov.save_model(model, path, compress_to_fp16=False)


def _compared(portable: PortableNetwork, graph: Graph, sizes: list[tuple[int, int]]) -> list[Parity]:
    parities = []
    for width, height in sizes:
        image = _image(width, height)
        expected = [part.numpy() for part in portable(torch.from_numpy(image))]
        try:
            got = graph(image)
        except ConfigError as error:
            raise ConfigError(f"the exported network does not take {width}x{height}: {error.message}", hint="export it for one --size") from error
        alpha, semantic = (np.abs(got[name] - values) for name, values in zip(("alpha", "semantic"), expected, strict=True))
        parities.append(Parity(width, height, float(alpha.max()), float(alpha.mean()), float(semantic.mean())))
    return parities


def _image(width: int, height: int) -> Float32Array:
    """Return a made-up image with soft and hard edges, float32 (1, 3, height, width) in [0, 1]."""
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.random((9, 12, 3), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    cv2.circle(coarse, (width // 2, height // 2), height // 4, (0.9, 0.7, 0.6), -1)
    image: Float32Array = np.ascontiguousarray(coarse.clip(0, 1).transpose(2, 0, 1)[None])
    return image
