"""P3M-Net's two decoders and how they meet (arXiv 2203.16828, section 4; the graph is the same for every encoder).

Attribute names follow the published checkpoints: `decoderK_g` is the semantic ("global") and `decoderK_l` the detail ("local")
decoder's block that leaves stride 2^(K+1) for 2^K.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from p3mvideo.model.decoders.integration import (
    DeepBipartiteIntegration,
    ShallowBipartiteIntegration,
    TripartiteIntegration,
    upsample,
)
from p3mvideo.model.output import Features, MattingOutput
from p3mvideo.ops.fusion import fuse, harden
from p3mvideo.ops.unpool import unpool

PIXEL_HEAD_CHANNELS = 16


@dataclass(frozen=True)
class DecoderLayout:
    """The widths of both decoders. A block is given by the widths before, between and after its 3x3 convolutions."""

    blocks: tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int]]
    """Blocks 4, 3, 2, 1 of both decoders. The last width of block K is that of skip SK and of TFI K - 1."""
    semantic_block: Sequence[int]
    """Block 0 of the semantic decoder; its last convolution is bare (no normalisation, no ReLU)."""
    detail_block: Sequence[int]
    """Block 0 of the detail decoder."""
    full_channels: int
    """C0, the width of the full-resolution encoder feature."""
    semantic_head: bool = True
    """Whether a 3x3 convolution at full size follows the semantic block; without it that block makes the three logits."""
    unpool: bool = True
    """Whether the detail decoder unpools with the encoder's pooling indices. Otherwise it upsamples bilinearly, and its head sees
    the semantic logits and the encoder's full-resolution feature too, which brings back what the indices carried. That head
    looks at single pixels: at full size a 3x3 convolution would cost a tenth of the network."""
    hard_fusion: bool = True
    """Whether the semantic branch gates the detail branch by its largest class (published) or by its probabilities."""
    side_heads: bool = True
    """Whether the side outputs for training exist."""


def block(widths: Sequence[int], *, bare_end: bool = False) -> nn.Sequential:
    """Return 3x3 convolutions with bias, each followed by batch-norm and ReLU; the last one bare if `bare_end`."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*(layers[:-2] if bare_end else layers))


def pixel_head(before: int) -> nn.Sequential:
    """Return a head that makes one logit of each pixel's features by itself."""
    return nn.Sequential(nn.Conv2d(before, PIXEL_HEAD_CHANNELS, 1), nn.ReLU(inplace=True), nn.Conv2d(PIXEL_HEAD_CHANNELS, 1, 1))


class Decoder(nn.Module):
    """Both decoders with their integration modules."""

    def __init__(self, layout: DecoderLayout) -> None:
        super().__init__()
        self.unpool = layout.unpool
        self.hard_fusion = layout.hard_fusion
        b4, b3, b2, b1 = layout.blocks
        deep, full = b4[0], layout.full_channels
        w4, w3, w2, w1 = b4[-1], b3[-1], b2[-1], b1[-1]
        kernels = {r: 2 if layout.unpool else r for r in (8, 4, 2)}

        self.decoder4_g, self.decoder4_l = block(b4), block(b4)
        self.decoder3_g, self.decoder3_l = block(b3), block(b3)
        self.decoder2_g, self.decoder2_l = block(b2), block(b2)
        self.decoder1_g, self.decoder1_l = block(b1), block(b1)
        self.decoder0_g, self.decoder0_l = block(layout.semantic_block, bare_end=True), block(layout.detail_block)
        self.decoder_final_g = nn.Conv2d(layout.semantic_block[-1], 3, 3, padding=1) if layout.semantic_head else None
        detail_end = layout.detail_block[-1]
        self.decoder_final_l = nn.Conv2d(detail_end, 1, 3, padding=1) if layout.unpool else pixel_head(3 + detail_end + full)

        self.tfi_3, self.tfi_2 = TripartiteIntegration(w4), TripartiteIntegration(w3)
        self.tfi_1, self.tfi_0 = TripartiteIntegration(w2), TripartiteIntegration(w1)
        self.sbfi_2 = ShallowBipartiteIntegration(w3, full, 8, pool_kernel=kernels[8])
        self.sbfi_1 = ShallowBipartiteIntegration(w2, full, 4, pool_kernel=kernels[4])
        self.sbfi_0 = ShallowBipartiteIntegration(w1, full, 2, pool_kernel=kernels[2])
        self.dbfi_2 = DeepBipartiteIntegration(w3, deep, 4, side=layout.side_heads)
        self.dbfi_1 = DeepBipartiteIntegration(w2, deep, 8, side=layout.side_heads)
        self.dbfi_0 = DeepBipartiteIntegration(w1, deep, 16, side=layout.side_heads)

    def _enlarge(self, detail: Tensor, features: Features, pool: int) -> Tensor:
        """Double the size of a detail feature; `pool` is the number of the max-pool that it undoes."""
        if features.pool_indices is None:
            return upsample(detail, 2)
        return unpool(detail, features.pool_indices[pool])

    def _heads(self, semantic: Tensor, detail: Tensor, features: Features) -> tuple[Tensor, Tensor]:
        """Turn the ends of both decoders at half size into semantic and detail logits at full size."""
        if self.unpool:
            semantic = upsample(semantic, 2)
            if self.decoder_final_g is not None:
                semantic = self.decoder_final_g(semantic)
            return semantic, self.decoder_final_l(self._enlarge(detail, features, 0))
        both = upsample(torch.cat([semantic, detail], 1), 2)  # one pass over the largest map instead of two
        return both[:, :3], self.decoder_final_l(torch.cat([both, features.full], 1))

    def forward(self, features: Features) -> MattingOutput:
        """Encoder features of (B, 3, H, W) -> outputs at (H, W)."""
        full, (s1, s2, s3, s4), deepest, _ = features

        g4 = upsample(self.decoder4_g(deepest), 2)  # 1/16
        g3 = upsample(self.decoder3_g(g4), 2)  # 1/8
        t2 = self.dbfi_2(g3, deepest)
        g2 = upsample(self.decoder2_g(t2), 2)  # 1/4
        t1 = self.dbfi_1(g2, deepest)
        g1 = upsample(self.decoder1_g(t1), 2)  # 1/2
        t0 = self.dbfi_0(g1, deepest)
        semantic_end = self.decoder0_g(t0)

        x = self.tfi_3(g4, self._enlarge(self.decoder4_l(deepest), features, 4), s4)
        x = self.tfi_2(g3, self._enlarge(self.decoder3_l(x), features, 3), s3)
        x = self.sbfi_2(x, full)
        x = self.tfi_1(g2, self._enlarge(self.decoder2_l(x), features, 2), s2)
        x = self.sbfi_1(x, full)
        x = self.tfi_0(g1, self._enlarge(self.decoder1_l(x), features, 1), s1)
        x = self.sbfi_0(x, full)
        semantic_logits, detail_logits = self._heads(semantic_end, self.decoder0_l(x), features)
        detail = torch.sigmoid(detail_logits)

        semantic = harden(semantic_logits) if self.hard_fusion else semantic_logits.softmax(1)
        sides = (self.dbfi_2.side_logits(t2), self.dbfi_1.side_logits(t1), self.dbfi_0.side_logits(t0))
        return MattingOutput(semantic_logits, detail, fuse(semantic, detail), tuple(s for s in sides if s is not None))
