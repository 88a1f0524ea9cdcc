"""P3M-Net's decoders at two fifths of the arithmetic and a third of the memory traffic, for processors.

The graph is that of `p3mvideo.model.decoders.decoder`, with three differences. Integration modules mix their inputs with 1x1 instead of 3x3
kernels: without a non-linearity in between, their transforms and the kernel are one linear map per input, and what comes from the
coarser size is mixed there, before it is enlarged. The semantic decoder ends at stride 4 and the detail decoder at stride 2, where its
head predicts four values of alpha per position (sub-pixel convolution, Shi et al., arXiv 1609.05158). The shallow feature E0 is at
stride 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from p3mvideo.model.decoders.decoder import block
from p3mvideo.model.decoders.integration import upsample
from p3mvideo.model.output import Features, MattingOutput
from p3mvideo.ops.fusion import fuse

HEAD_CHANNELS = 32
"""Width of the detail head's hidden layer."""


class LightTripartiteIntegration(nn.Module):
    """TFI: the semantic and the detail decoder's feature, and the encoder's at twice their size.

    Args:
        channels: C, the width of all three inputs and of the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.decoders = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.skip = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)

    def forward(self, semantic: Tensor, detail: Tensor, skip: Tensor) -> Tensor:
        """(B, C, h, w), (B, C, h, w), (B, C, 2h, 2w) -> (B, C, 2h, 2w)."""
        return F.relu(self.bn1(upsample(self.decoders(torch.cat([semantic, detail], 1)), 2) + self.skip(skip)))


class LightShallowIntegration(nn.Module):
    """sBFI: adds the encoder's shallow feature to the detail decoder.

    Args:
        channels: C of the detail feature and the output.
        full_channels: C0 of the shallow feature.
        stride: How many times larger the shallow feature is.
    """

    def __init__(self, channels: int, full_channels: int, stride: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(stride) if stride > 1 else nn.Identity()
        self.own = nn.Conv2d(channels, channels, 1, bias=False)
        self.shallow = nn.Conv2d(full_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)

    def forward(self, detail: Tensor, full: Tensor) -> Tensor:
        """(B, C, h, w), (B, C0, h * stride, w * stride) -> (B, C, h, w)."""
        return F.relu(self.bn1(self.own(detail) + self.shallow(self.pool(full)))) + detail


class LightDeepIntegration(nn.Module):
    """dBFI: adds the encoder's deepest feature to the semantic decoder, and predicts a side output for training.

    Args:
        channels: C of the semantic feature and the output.
        deep_channels: Cd of the deepest feature.
        stride: How many times smaller the deepest feature is.
        side: Whether to have the side head.
    """

    def __init__(self, channels: int, deep_channels: int, stride: int, *, side: bool) -> None:
        super().__init__()
        self.stride = stride
        self.own = nn.Conv2d(channels, channels, 1, bias=False)
        self.deep = nn.Conv2d(deep_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, 3, 3, padding=1, bias=False) if side else None

    def forward(self, semantic: Tensor, deepest: Tensor) -> Tensor:
        """(B, C, h, w), (B, Cd, h / stride, w / stride) -> (B, C, h, w)."""
        return F.relu(self.bn1(self.own(semantic) + upsample(self.deep(deepest), self.stride))) + semantic

    def side_logits(self, integrated: Tensor) -> Tensor | None:
        """(B, C, h, w) output of `forward` -> (B, 3, h, w); None without side head."""
        return self.conv2(integrated) if self.conv2 is not None else None


class SubpixelUpsample(nn.Module):
    """Enlarges a few channels bilinearly, with the values of `upsample`: a convolution with fixed weights, and a pixel shuffle.

    Each pixel within a cell mixes the cell's neighbours with weights of its own. On processors this is a fraction of the time of an
    interpolation, which takes blocks of 16 channels however few there are.

    Args:
        channels: C of input and output.
        factor: How many times larger the output is.
    """

    weight: Tensor

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        where = (torch.arange(factor) + 0.5) / factor - 0.5  # of a pixel, from its cell's centre
        line = (1 - (torch.tensor([-1.0, 0.0, 1.0]) - where[:, None]).abs()).clamp(min=0)
        cell = torch.einsum("ai,bj->abij", line, line).reshape(factor * factor, 3, 3)
        self.register_buffer("weight", torch.einsum("cd,pij->cpdij", torch.eye(channels), cell).flatten(0, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, h * factor, w * factor)."""
        return F.pixel_shuffle(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.weight), self.factor)


class LightDecoder(nn.Module):
    """Both decoders with their integration modules. `decoderK_g` and `decoderK_l` are the semantic and the detail decoder's blocks, as published.

    Args:
        deep_channels: Cd, the width of the deepest feature.
        widths: Widths of both decoders at strides 16, 8, 4, 2, and of the encoder's features there.
        detail_channels: Width of the detail decoder's last feature.
        full_channels: C0, the width of the shallow feature at stride 2.
        side_heads: Whether the side outputs for training exist.
    """

    def __init__(self, *, deep_channels: int, widths: Sequence[int], detail_channels: int, full_channels: int, side_heads: bool) -> None:
        super().__init__()
        w4, w3, w2, w1 = widths
        self.decoder4_g, self.decoder4_l = block((deep_channels, w4)), block((deep_channels, w4))
        self.decoder3_g, self.decoder3_l = block((w4, w3)), block((w4, w3))
        self.decoder2_g, self.decoder2_l = block((w3, w2)), block((w3, w2))
        self.decoder1_g, self.decoder1_l = block((w2, w1)), block((w2, w1))
        self.decoder0_g, self.decoder0_l = block((w1, 3), bare_end=True), block((w1, detail_channels))
        self.enlarge_g = SubpixelUpsample(3, 4)
        self.head_detail = nn.Conv2d(detail_channels, HEAD_CHANNELS, 1)
        self.head_shallow = nn.Conv2d(full_channels, HEAD_CHANNELS, 1, bias=False)
        self.head_pixels = nn.Conv2d(HEAD_CHANNELS, 4, 1)

        self.tfi_3, self.tfi_2 = LightTripartiteIntegration(w4), LightTripartiteIntegration(w3)
        self.tfi_1, self.tfi_0 = LightTripartiteIntegration(w2), LightTripartiteIntegration(w1)
        self.sbfi_2 = LightShallowIntegration(w3, full_channels, 4)
        self.sbfi_1 = LightShallowIntegration(w2, full_channels, 2)
        self.sbfi_0 = LightShallowIntegration(w1, full_channels, 1)
        self.dbfi_2 = LightDeepIntegration(w3, deep_channels, 4, side=side_heads)
        self.dbfi_1 = LightDeepIntegration(w2, deep_channels, 8, side=side_heads)
        self.dbfi_0 = LightDeepIntegration(w1, deep_channels, 8, side=side_heads)

    def forward(self, features: Features) -> MattingOutput:
        """Encoder features of (B, 3, H, W) -> outputs at (H, W)."""
        full, (s1, s2, s3, s4), deepest, _ = features

        g4 = self.decoder4_g(deepest)  # made at 1/32, like the detail decoder's, for 1/16
        x = self.tfi_3(g4, self.decoder4_l(deepest), s4)
        g3 = self.decoder3_g(upsample(g4, 2))
        x = self.sbfi_2(self.tfi_2(g3, self.decoder3_l(x), s3), full)
        t2 = self.dbfi_2(upsample(g3, 2), deepest)
        g2 = self.decoder2_g(t2)
        x = self.sbfi_1(self.tfi_1(g2, self.decoder2_l(x), s2), full)
        t1 = self.dbfi_1(upsample(g2, 2), deepest)
        g1 = self.decoder1_g(t1)
        x = self.sbfi_0(self.tfi_0(g1, self.decoder1_l(x), s1), full)
        t0 = self.dbfi_0(g1, deepest)  # the semantic decoder ends at 1/4
        semantic_logits = self.enlarge_g(self.decoder0_g(t0))
        pixels = self.head_pixels(F.relu(self.head_detail(self.decoder0_l(x)) + self.head_shallow(full)))
        detail = torch.sigmoid(F.pixel_shuffle(pixels, 2))

        sides = (self.dbfi_2.side_logits(t2), self.dbfi_1.side_logits(t1), self.dbfi_0.side_logits(t0))
        return MattingOutput(semantic_logits, detail, fuse(semantic_logits.softmax(1), detail), tuple(s for s in sides if s is not None))
