"""Starts a network with another backbone from a trained one: its decoders keep what they have learnt, and are given much the same features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from p3mvideo.errors import ConfigError, WeightsError
from p3mvideo.model.encoders.realtime import TimmEncoder
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.ops.normalise import normalise

IMAGES = 160
"""Images by which features are compared: at the coarsest size, samples of 384 px have 23,000 positions together."""
BATCH = 4
MOST_POSITIONS = 10_000
"""Of a batch and a size; there are many more at the finer ones, which are much alike."""
RIDGE = 1e-3
"""Part of each feature's own energy that is added to it, so that features that are never there do no harm."""


@torch.no_grad()
def stitch(network: P3MNet, former: P3MNet, images: Sequence[Tensor]) -> None:
    """Give a network, whose backbone is trained for something else, the rest of a former network, in place.

    The convolutions that bring the backbone's features to the decoders' widths are fitted by least squares, so that they give what the former
    network's give for the same images, as far as a linear map of the other features can ("stitching", Lenc and Vedaldi, arXiv 1411.5908;
    Bansal et al., arXiv 2106.07682). Everything behind them is copied. Training makes up for what is left.

    Args:
        network: With a backbone that has learnt something.
        former: Trained, with the same decoders, in evaluation mode.
        images: uint8 RGB (3, H, W), all of one size.

    Raises:
        ConfigError: One of them is no real-time network.
        WeightsError: They differ in more than their backbones.
    """
    new, old = network.encoder, former.encoder
    if not isinstance(new, TimmEncoder) or not isinstance(old, TimmEncoder):
        raise ConfigError("only a real-time network can be given another backbone", hint="give either --initial or --pretrained")
    _copy_behind(network, former)
    network.eval()
    sums = [[torch.zeros(()), torch.zeros(())] for _ in _junctions(new)]
    generator = torch.Generator().manual_seed(0)
    for first in range(0, len(images), BATCH):
        batch = normalise(torch.stack(list(images[first : first + BATCH])))
        pairs = zip(_features(new, batch), _features(old, batch), _junctions(old), strict=True)
        for total, (seen, known, junction) in zip(sums, pairs, strict=True):
            x, y = _positions(seen), _positions(junction(known))
            chosen = torch.randperm(len(x), generator=generator)[:MOST_POSITIONS]
            x, y = torch.cat([x[chosen], torch.ones(len(chosen), 1, dtype=torch.float64)], 1), y[chosen]
            total[0], total[1] = total[0] + x.T @ x, total[1] + x.T @ y
    for (square, product), junction in zip(sums, _junctions(new), strict=True):
        fitted = torch.linalg.solve(square + RIDGE * square.diagonal().diag(), product).float()
        junction.weight.copy_(fitted[:-1].T[:, :, None, None])
        if junction.bias is not None:
            junction.bias.copy_(fitted[-1])
        else:  # the batch norm behind it takes its offset
            norm = new.context.reduce[1]
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None
            norm.running_mean.sub_(fitted[-1])


def _copy_behind(network: P3MNet, former: P3MNet) -> None:
    """Copy everything but the backbone and the convolutions that read it."""
    own, given = network.state_dict(), former.state_dict()
    assert isinstance(network.encoder, TimmEncoder)
    fitted = {id(parameter) for junction in _junctions(network.encoder) for parameter in junction.parameters()}
    read = {name for name, parameter in network.named_parameters() if id(parameter) in fitted}
    behind = {name for name in own if not name.startswith("encoder.backbone.")} - read
    wrong = sorted(name for name in behind if name in given and given[name].shape != own[name].shape)
    if wrong:
        raise WeightsError(f"the networks differ in more than their backbones: {wrong[0]}", hint="start from one with the same decoders")
    network.load_state_dict({**own, **{name: given[name] for name in behind if name in given}})


def _features(encoder: TimmEncoder, images: Tensor) -> Sequence[Tensor]:
    """Return the backbone's features from stride 2 to 32."""
    state = encoder.begin(images)
    for _ in range(4):
        state = encoder.advance(state)
    return state.maps[1:]


def _junctions(encoder: TimmEncoder) -> Iterator[nn.Conv2d]:
    """Yield the convolutions that read them, in the same order."""
    for junction in (*encoder.lateral, encoder.context.reduce[0]):
        assert isinstance(junction, nn.Conv2d)
        yield junction


def _positions(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B h w, C), in 64 bits."""
    return features.permute(0, 2, 3, 1).flatten(0, 2).double()
