"""A network of PyTorch as a model of OpenVINO."""

from __future__ import annotations

import warnings

import openvino as ov
import torch
from torch import Tensor, nn

from p3mvideo.model.p3mnet import P3MNet


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


class _Outputs(nn.Module):
    """What a matte needs, for any size (the network's own check of the size would be frozen into the conversion)."""

    def __init__(self, network: P3MNet, *, semantic: bool) -> None:
        super().__init__()
        self.network = network
        self.semantic = semantic

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        output = self.network.decode(self.network.encoder(image))
        return (output.alpha, output.semantic_logits.softmax(1)) if self.semantic else output.alpha
