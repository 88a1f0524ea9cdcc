"""The tripartite and bipartite feature integration modules of P3M-Net (arXiv 2203.16828, section 4.2).

Attribute names follow the published checkpoints. No convolution in here has a bias.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def upsample(x: Tensor, factor: int) -> Tensor:
    """Enlarge (B, C, H, W) bilinearly by an integer factor."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class TripartiteIntegration(nn.Module):
    """TFI: the detail decoder's feature, with the semantic decoder's and the encoder's feature of the same size.

    Args:
        channels: C, the width of all three inputs and of the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.transform = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.conv1 = nn.Conv2d(channels // 2 * 3, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)

    def forward(self, semantic: Tensor, detail: Tensor, skip: Tensor) -> Tensor:
        """Three (B, C, h, w) -> (B, C, h, w)."""
        parts = [self.transform(semantic), self.transform(detail), self.transform(skip)]
        return F.relu(self.bn1(self.conv1(torch.cat(parts, 1))))


class ShallowBipartiteIntegration(nn.Module):
    """sBFI: adds the encoder's full-resolution feature to the detail decoder.

    Args:
        channels: C of the detail feature and the output.
        full_channels: C0 of the full-resolution feature.
        stride: How many times larger the full-resolution feature is.
        pool_kernel: Side of the max-pool window. The published networks use 2 with any stride, which looks at a corner of each
            cell only; `stride` looks at all of it.
    """

    def __init__(self, channels: int, full_channels: int, stride: int, *, pool_kernel: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(pool_kernel, stride)
        self.transform1 = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.transform2 = nn.Conv2d(full_channels, channels // 2, 1, bias=False)
        self.conv1 = nn.Conv2d(channels // 2 * 2, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)

    def forward(self, detail: Tensor, full: Tensor) -> Tensor:
        """(B, C, h, w), (B, C0, h * stride, w * stride) -> (B, C, h, w)."""
        parts = [self.transform1(detail), self.transform2(self.pool(full))]
        return F.relu(self.bn1(self.conv1(torch.cat(parts, 1)))) + detail


class DeepBipartiteIntegration(nn.Module):
    """dBFI: adds the encoder's deepest feature to the semantic decoder, and predicts a side output for training.

    Args:
        channels: C of the semantic feature and the output.
        deep_channels: Cd of the deepest feature.
        stride: How many times smaller the deepest feature is.
        side: Whether to have the side head.
    """

    def __init__(self, channels: int, deep_channels: int, stride: int, *, side: bool = True) -> None:
        super().__init__()
        self.stride = stride
        self.transform1 = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.transform2 = nn.Conv2d(deep_channels, channels // 2, 1, bias=False)
        self.conv1 = nn.Conv2d(channels // 2 * 2, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, 3, 3, padding=1, bias=False) if side else None

    def forward(self, semantic: Tensor, deepest: Tensor) -> Tensor:
        """(B, C, h, w), (B, Cd, h / stride, w / stride) -> (B, C, h, w)."""
        parts = [self.transform1(semantic), upsample(self.transform2(deepest), self.stride)]
        return F.relu(self.bn1(self.conv1(torch.cat(parts, 1)))) + semantic

    def side_logits(self, integrated: Tensor) -> Tensor | None:
        """(B, C, h, w) output of `forward` -> (B, 3, H, W) at the input's full size; None without side head."""
        return upsample(self.conv2(integrated), 32 // self.stride) if self.conv2 is not None else None
