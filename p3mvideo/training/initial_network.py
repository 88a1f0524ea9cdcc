"""The network that training starts from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from p3mvideo.errors import ConfigError, WeightsError
from p3mvideo.model.decoders.light_decoder import LightDecoder
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.variants import REALTIME_VARIANTS, VARIANTS, build_network
from p3mvideo.ops.imagenet import IMAGENET_MEAN, IMAGENET_STD
from p3mvideo.options.training.training import InputScale
from p3mvideo.training.light_start import is_ordinary, light_start
from p3mvideo.training.loop.checkpoint import average_of, load_checkpoint
from p3mvideo.training.loop.frozen_stages import first_stages
from p3mvideo.training.setup import TrainingSetup
from p3mvideo.training.stitched_start import IMAGES, stitch
from p3mvideo.weights import find_weights
from p3mvideo.weights.network import load_network
from p3mvideo.weights.tensors import load_weights, parse_tensors

_logger = logging.getLogger(__name__)

SIDE_HEADS = frozenset(f"decoder.dbfi_{number}.conv2.weight" for number in range(3))
"""Weights that only training needs and shipped files lack; they start from scratch."""

IN_NETWORK = "encoder.backbone."
"""How the names of the backbone's weights begin in a real-time network."""


def build_start(
    options: TrainingSetup, *, pretrained: str | None, initial: str | None, pretrained_input: InputScale = "imagenet",
    images: Callable[[int], Sequence[Tensor]] | None = None,
) -> P3MNet:  # fmt: skip
    """Build a run's network with the weights to start from; what they do not cover is random.

    With both `pretrained` and `initial`, the real-time network of `initial` is given another backbone, that of `pretrained`, see
    `p3mvideo.training.stitched_start`.

    Args:
        options: Which network.
        pretrained: ImageNet weights of its encoder: the name of imported ones, or a file with timm's names for the real-time network (for
            example the model.safetensors that timm publishes), or the name or path of a real-time network's weights, whose encoder is taken.
        initial: Weights of the whole network: a checkpoint (.pt) of a run, of which the averaged weights are taken, or the name or path of
            a weights file. A network with light decoders also takes those of one with ordinary decoders, see `light_start`.
        pretrained_input: How `pretrained` was shown colours x in [0, 1]: "imagenet" less their mean and over their deviation, or "symmetric",
            2 x - 1, which is folded into the first convolution (but for its padding: middle grey becomes the mean colour).
        images: Returns so many images of people, uint8 RGB (3, H, W), all of one size; needed for another backbone.

    Raises:
        ConfigError: There is no such network or backbone, or no images for another one.
        WeightsError, TrainingError: Weights are missing or do not fit.
    """
    if options.variant not in VARIANTS:
        raise ConfigError(f"there is no network {options.variant!r}", hint=f"known are {', '.join(VARIANTS)}")
    if options.network and options.variant not in REALTIME_VARIANTS:
        raise ConfigError(f"{options.variant} has a backbone of its own", hint="leave --backbone out")
    try:
        network = build_network(options.variant, options.network)
    except TypeError as error:
        raise ConfigError(f"{options.variant} takes no such backbone", hint="it is made of MobileNetV2's family; leave --backbone out") from error
    except ValueError as error:
        raise ConfigError(f"the network cannot be built: {error}", hint="choose one of those backbones, or leave --backbone out") from error
    first_stages(network, options.frozen)  # there are this many
    if initial is not None and pretrained is not None:
        if images is None or Path(initial).suffix == ".pt":
            hint = "`p3mvideo train --steps 1` with both, and a weights file as --initial, makes a checkpoint to start from"
            raise ConfigError("a network is not given another backbone here: --initial and --pretrained exclude each other", hint=hint)
        _fill_pretrained(network, pretrained, pretrained_input)
        stitch(network, load_network(initial), images(IMAGES))
    elif initial is not None:
        path = Path(initial)
        tensors = average_of(path, load_checkpoint(path)) if path.suffix == ".pt" else load_weights(find_weights(initial))
        if isinstance(network.decoder, LightDecoder) and is_ordinary(tensors):
            tensors = light_start(tensors)
        _fill(network, tensors, initial, may_lack=SIDE_HEADS)
    elif pretrained is not None:
        _fill_pretrained(network, pretrained, pretrained_input)
    else:
        _logger.warning("the encoder starts from random weights; --pretrained gives it those of ImageNet")
    return network


def _fill_pretrained(network: P3MNet, pretrained: str, pretrained_input: InputScale) -> None:
    _fill_encoder(network, pretrained)
    if pretrained_input == "symmetric":
        _fold_symmetric(network)


def _fill_encoder(network: P3MNet, pretrained: str) -> None:
    if hasattr(network.encoder, "backbone"):
        assert isinstance(network.encoder.backbone, nn.Module)
        tensors = _backbone_weights(pretrained)
        _fill(network.encoder.backbone, tensors, pretrained, may_have_more=True)
        return
    weights = find_weights(pretrained)
    if weights.kind != "backbone":
        raise WeightsError(f"{pretrained} is a whole network, not an encoder", hint="start from it with --initial")
    _fill(network.encoder, {name.removeprefix("encoder."): tensor for name, tensor in load_weights(weights).items()}, pretrained)


@torch.no_grad()
def _fold_symmetric(network: P3MNet) -> None:
    """Have an encoder that was pretrained on colours from -1 to 1 see ImageNet-normalised ones as the same."""
    backbone = getattr(network.encoder, "backbone", None)
    stem, norm = getattr(backbone, "conv_stem", None), getattr(backbone, "bn1", None)
    if not isinstance(stem, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None:
        raise ConfigError("only backbones of the MobileNet and EfficientNet families take --pretrained-input symmetric", hint="leave it out")
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    norm.running_mean -= (stem.weight * (2 * mean - 1)).sum((1, 2, 3))
    stem.weight *= 2 * deviation


def _backbone_weights(pretrained: str) -> dict[str, Tensor]:
    """Return timm's weights of a backbone, from a file of its own or out of a real-time network."""
    try:
        path = Path(pretrained)
        tensors = parse_tensors(path, path.read_bytes()) if path.exists() else load_weights(find_weights(pretrained))
    except (OSError, WeightsError) as error:
        hint = "expected timm's weights as .safetensors, or a real-time network"
        raise WeightsError(f"cannot read the backbone weights {pretrained}: {error}", hint=hint) from error
    inside = {name.removeprefix(IN_NETWORK): tensor for name, tensor in tensors.items() if name.startswith(IN_NETWORK)}
    return inside or tensors


def _fill(module: nn.Module, tensors: dict[str, Tensor], source: str, *, may_lack: Collection[str] = (), may_have_more: bool = False) -> None:
    """Copy tensors into a module; kernels may be stored in 16 bits."""
    own = module.state_dict()
    missing = [name for name in own if name not in tensors and name not in may_lack and not name.endswith("num_batches_tracked")]
    surplus = [] if may_have_more else [name for name in tensors if name not in own]
    shapes = [name for name in own if name in tensors and tensors[name].shape != own[name].shape]
    for what, names in (("lack", missing), ("have too much", surplus), ("have another shape of", shapes)):
        if names:
            raise WeightsError(f"{source} does not fit: the weights {what} {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else ""))
    with torch.no_grad():
        for name, tensor in own.items():
            if name in tensors:
                tensor.copy_(tensors[name])
