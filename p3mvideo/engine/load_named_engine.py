"""A matting engine for Python programs that have frames of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from p3mvideo import engine as engines
from p3mvideo.engine import LoadedEngine
from p3mvideo.engine.load_engine import torch_engine
from p3mvideo.errors import ConfigError
from p3mvideo.options import EngineOptions
from p3mvideo.options.engine import DEFAULT_MODEL
from p3mvideo.weights.open_network import check_variant, is_checkpoint, open_network
from p3mvideo.weights.store import find_weights


def load_engine(
    variant: str = DEFAULT_MODEL,
    *,
    weights: str | Path | None = None,
    device: str | None = None,
    engine: EngineOptions | None = None,
    semantic: bool = False,
) -> LoadedEngine:
    """Load a P3M-Net (arXiv 2203.16828) that is called with images and returns mattes at working size.

        engine = p3mvideo.load_engine("p3mnet-resnet34", weights="p3mnet_pretrained_on_p3m10k.pth")
        (matte,) = engine([image])
        matte.alpha_array()  # float32 (h, w) in [0, 1]; `matte.alpha` is a tensor (1, h, w) on engine.device

    `MattingSession` does more: it hides faces from the network, smooths over time and brings mattes to full size.

    Args:
        variant: p3mnet-mobilenetv2-light, p3mnet-mobilenetv2, p3mnet-mobilenetv2-small, p3mnet-resnet34, p3mnet-swin-t or p3mnet-vitae-s.
        weights: A weights file (.safetensors), a checkpoint as its authors publish it (.pth, .pth.tar), which is read without running anything
            in it, or a name of `p3mvideo weights list`; None takes the weights that are called as the variant.
        device: auto, cpu, cuda, cuda:N or mps; None takes `engine.device`.
        engine: How the network runs; `engine.model` is not looked at.
        semantic: Whether mattes carry the probabilities of background, transition and foreground.

    Returns:
        Gives a `Matte`, about 512 pixels long, for each of a list of uint8 RGB images of one size, arrays (H, W, 3) or tensors (3, H, W);
        `description` says what runs it.

    Raises:
        WeightsError: The weights are missing or damaged.
        ConfigError: They belong to another network, or the options do not go together.
        DeviceError: Device or runtime are not there.
    """
    options = engine or EngineOptions()
    options = replace(options, device=device or options.device)
    if weights is not None and is_checkpoint(weights):
        if options.runtime == "openvino":
            raise ConfigError("OpenVINO takes imported checkpoints only", hint="`p3mvideo weights import` it first, or leave the runtime out")
        return torch_engine(open_network(variant, weights), Path(weights).name, options, semantic=semantic)
    found = find_weights(variant if weights is None else weights)
    check_variant(variant, found.variant, found.path)
    return engines.load_engine(replace(options, model=str(found.path)), semantic=semantic)
