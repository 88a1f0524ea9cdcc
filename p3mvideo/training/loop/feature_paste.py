"""P3M-CP at feature level (arXiv 2203.16828, "P3M-FCP"): donors' faces are pasted between the encoder and the decoders.

The paper splits the network in two: source and target go through the first part, the face patch of the source's features is written
over the obfuscated face in the target's features, with masks brought to the features' size, and the second part goes on. The published
programs never contained it. The choices here, and what speaks for them:

- *Where the network is split*: the shallow part is the first one (the paper); which layer is not known (the configuration's list is
  empty). Pasted are the encoder's features at full and half resolution, E0 and S1, on their way to the decoders: they carry what a face
  looks like, and all variants have them.
- *No gradient goes into the source's features* (the configuration's DETACH).
- *Whose features*: the source goes through the network in training itself (one of the configuration's choices, SELF), with running
  instead of batch statistics, so that donors do not move the statistics of the portraits.
- *Alignment*: donors are brought to their place in pixels, before the encoder (see `p3mvideo.training.samples.copy_paste`). For a shift of patches
  that is the same as aligning features; where sizes change, the encoder gives the features of the face as it would look, which moving
  features would not.
- *Masks*: a feature is replaced where all pixels of its cell are to be, so nothing outside the target's face mask changes.
- *When*: after a third of the training (the configuration starts at epoch 50 of 150), with half of the faces (its PROB).
- *Composition loss*: its image stays the obfuscated one, for no pixel changes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from p3mvideo.model.output import Features, MattingOutput
from p3mvideo.model.p3mnet import P3MNet


def paste_features(target: Features, source: Features, mask: Tensor) -> Features:
    """Return the target's features with the source's E0 and S1 inside the mask.

    Args:
        target: Features of (B, 3, H, W).
        source: Features of as many donors, at the faces' places. No gradient reaches them.
        mask: float (B, 1, H, W), 1 where the donors' faces belong, else 0.
    """
    s1, s2, s3, s4 = target.skips
    return target._replace(full=_merge(target.full, source.full, mask), skips=(_merge(s1, source.skips[0], mask), s2, s3, s4))


def _merge(target: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    inside = -F.adaptive_max_pool2d(-mask, target.shape[-2:]) > 0.5  # the smallest value of each cell
    return torch.where(inside, source.detach().to(target.dtype), target)


class PastingNetwork(nn.Module):
    """A P3M-Net in training, with donors' faces pasted between its halves.

    Args:
        network: The network.
    """

    def __init__(self, network: P3MNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, source: Tensor | None = None, mask: Tensor | None = None) -> MattingOutput:
        """Return the outputs for a batch.

        Args:
            image: ImageNet-normalised (B, 3, H, W).
            source: Donors at the faces' places, likewise; None for plain training.
            mask: float (B, 1, H, W), 1 where they belong.
        """
        features = self.network.encode(image)
        if source is not None and mask is not None:
            features = paste_features(features, self._source_features(source), mask)
        return self.network.decode(features)

    @torch.no_grad()
    def _source_features(self, source: Tensor) -> Features:
        encoder = self.network.encoder
        was_training = encoder.training
        encoder.eval()
        try:
            return self.network.encode(source)
        finally:
            encoder.train(was_training)
