"""P3M-CP at feature level (arXiv 2203.16828, "P3M-FCP"): donors' faces are pasted into the features inside the encoder.

The paper splits the network in two, G1 and G2. Target (faces obfuscated) and source (a donor) go through G1; the patch of the source's
features under its face mask is augmented, laid centre upon centre, and written over the obfuscated face of the target's features, with masks
brought to the features' size; G2 goes on with what was merged. The published programs never contained it. The choices here, and what
speaks for them:

- *Where the network is split*: G1 is a shallow part of the encoder (the paper); which layer is not known (the configuration's list is
  empty), so it is an option, by default layer 1 at half size. G2 is all the rest: the deeper layers of the encoder, both decoders, and all
  their connections. Each map of G1 that a decoder sees is merged, and the indices that the detail decoder unpools with are those of the
  merged maps. G1 itself never sees a merged map.
- *VANILLA, MULTISCALE* (the configuration's names, undescribed): pasted after one layer, or after that layer and each deeper one down to
  stride 16, for which the source goes on through the encoder, too.
- *No gradient goes into the source's features* (the configuration's DETACH).
- *Whose features*: the source goes through the network in training itself, or through a copy of its encoder that is brought up to date at the
  beginning of each epoch (two of the configuration's choices), with running instead of batch statistics, so that donors do not move
  the statistics of the portraits.
- *Augmentation and alignment*: donors are changed and brought to their place in pixels, before G1 (see `p3mvideo.training.samples.copy_paste`). For a
  shift of patches that is the same as aligning features; where sizes change, G1 gives the features of the face as it would look, which
  moving features would not, and its pooling indices are valid at their place.
- *Masks*: a cell of a map is replaced where all its pixels are to be, so nothing outside the target's face mask changes.
- *When*: after a third of the training (the configuration starts at epoch 50 of 150), with half of the faces (its PROB).
- *Composition loss*: its image stays the obfuscated one, for no pixel changes.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from p3mvideo.model.encoders.encoder import LAYERS, SPLITS, Encoder, EncoderState
from p3mvideo.model.output import MattingOutput
from p3mvideo.model.p3mnet import P3MNet, check_size


def merged(target: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """Return a map of the target with the source's cells inside the mask.

    Args:
        target: (B, C, h, w).
        source: Likewise. No gradient reaches it.
        mask: float (B, 1, H, W) of the images that both were made of, 1 where the donors' faces belong, else 0.
    """
    inside = -F.adaptive_max_pool2d(-mask, target.shape[-2:]) > 0.5  # the smallest value of each cell
    return torch.where(inside, source.detach().to(target.dtype), target)


class PastingNetwork(nn.Module):
    """A P3M-Net in training, with donors' faces pasted between the layers of its encoder.

    Args:
        network: The network.
        layer: The last layer of G1, of `p3mvideo.model.encoders.encoder.SPLITS`.
        every_scale: Whether to paste after each deeper layer, too (MULTISCALE).
        source: The encoder that donors go through; None takes the network's own.
    """

    def __init__(self, network: P3MNet, *, layer: int = 1, every_scale: bool = False, source: Encoder | None = None) -> None:
        super().__init__()
        if layer not in SPLITS:
            raise ValueError(f"an encoder is split after one of its layers {SPLITS[0]} to {SPLITS[-1]}, got {layer}")
        self.network = network
        self.layer, self.every_scale = layer, every_scale
        self._source = (source,)  # not a part of what learns, nor of what processes exchange

    def forward(self, image: Tensor, source: Tensor | None = None, mask: Tensor | None = None) -> MattingOutput:
        """Return the outputs for a batch.

        Args:
            image: ImageNet-normalised (B, 3, H, W).
            source: Donors at the faces' places, likewise; None for plain training.
            mask: float (B, 1, H, W), 1 where they belong.
        """
        check_size(image)
        encoder = self.network.encoder
        state = encoder.begin(image)
        donors = None if source is None or mask is None else self._source_states(source)
        while len(state.maps) < LAYERS:
            if donors is not None and mask is not None and len(state.maps) - 1 in donors:
                state = _pasted(encoder, state, donors[len(state.maps) - 1], mask)
            state = encoder.advance(state)
        return self.network.decode(encoder.finish(state))

    @torch.no_grad()
    def _source_states(self, source: Tensor) -> dict[int, EncoderState]:
        """Return what the donors' encoder has made when each layer after which they are pasted is done."""
        (other,) = self._source
        encoder = self.network.encoder if other is None else other
        training = [module for module in encoder.modules() if module.training]
        encoder.eval()
        try:
            state, states = encoder.begin(source), {}
            for layer in range(1, SPLITS.stop if self.every_scale else self.layer + 1):
                state = encoder.advance(state) if layer > 1 else state
                if layer >= self.layer:
                    states[layer] = state
            return states
        finally:
            for module in training:  # not `encoder.train()`: frozen stages stay as they are
                module.training = True
            torch.clear_autocast_cache()  # PyTorch before 2.10 would take weights that were cast here for the target, without a gradient


def _pasted(encoder: Encoder, target: EncoderState, source: EncoderState, mask: Tensor) -> EncoderState:
    """Return the target's state with the source's maps inside the mask. What was pasted into before changes no more by it."""
    return encoder.with_maps([merged(one, other, mask) for one, other in zip(target.maps, source.maps, strict=True)])


def frozen_copy(encoder: Encoder) -> Encoder:
    """Return a copy of an encoder that does not learn."""
    return copy.deepcopy(encoder).eval().requires_grad_(False)
