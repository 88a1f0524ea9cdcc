"""What every encoder of P3M-Net has in common: layers that are made one after the other, so that training can step in between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from p3mvideo.model.output import Features

LAYERS = 6
"""Layer k makes a map at stride 2^k: 0 is full size, 5 the deepest."""
SPLITS = range(1, LAYERS - 1)
"""The layers after which an encoder can be split in two: the deepest one has nothing behind it but the decoders."""


class EncoderState(NamedTuple):
    """The first layers of an encoder, made of B images of H x W pixels."""

    maps: tuple[Tensor, ...]
    """What each layer so far has made, (B, C, H / 2^k, W / 2^k). The last one is what the next layer starts from; all of them reach the decoders."""
    pool_indices: tuple[Tensor, ...] = ()
    """Indices of the max-pool between each two of them, where the decoder unpools with them; else empty."""


class Encoder(nn.Module):
    """An encoder whose forward is `begin`, then `advance` until all layers are made, then `finish`."""

    def begin(self, image: Tensor) -> EncoderState:
        """Make layers 0 and 1 of images, (B, 3, H, W), ImageNet-normalised, H and W multiples of 32."""
        raise NotImplementedError

    def advance(self, state: EncoderState) -> EncoderState:
        """Make the next layer."""
        raise NotImplementedError

    def finish(self, state: EncoderState) -> Features:
        """Return the features that all six layers give the decoders."""
        raise NotImplementedError

    def with_maps(self, maps: Sequence[Tensor]) -> EncoderState:
        """Return the state that has other maps, and the pool indices that belong to them."""
        return EncoderState(tuple(maps))

    def forward(self, image: Tensor) -> Features:
        """(B, 3, H, W), ImageNet-normalised -> features."""
        state = self.begin(image)
        while len(state.maps) < LAYERS:
            state = self.advance(state)
        return self.finish(state)


class PoolingEncoder(Encoder):
    """A published encoder: a max-pool between each two layers, whose indices the detail decoder unpools with."""

    def layer(self, number: int, x: Tensor) -> Tensor:
        """Return the map of a layer: of the image for layer 0, else of the pooled map of the layer before."""
        raise NotImplementedError

    def pool(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Halve (B, C, H, W) by a max-pool; return it with the indices of the largest."""
        raise NotImplementedError

    def begin(self, image: Tensor) -> EncoderState:
        """See `Encoder`."""
        return self.advance(EncoderState((self.layer(0, image),)))

    def advance(self, state: EncoderState) -> EncoderState:
        """See `Encoder`."""
        pooled, indices = self.pool(state.maps[-1])
        return EncoderState((*state.maps, self.layer(len(state.maps), pooled)), (*state.pool_indices, indices))

    def finish(self, state: EncoderState) -> Features:
        """See `Encoder`."""
        full, s1, s2, s3, s4, deepest = state.maps
        p0, p1, p2, p3, p4 = state.pool_indices
        return Features(full, (s1, s2, s3, s4), deepest, (p0, p1, p2, p3, p4))

    def with_maps(self, maps: Sequence[Tensor]) -> EncoderState:
        """See `Encoder`."""
        return EncoderState(tuple(maps), tuple(self.pool(below)[1] for below in maps[:-1]))
