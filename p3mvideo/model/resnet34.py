"""P3M-Net with the published ResNet-34 encoder (arXiv 2203.16828)."""

import torch.nn.functional as F
from timm.models.resnet import BasicBlock
from torch import Tensor, nn

from p3mvideo.model.decoder import Decoder, DecoderLayout
from p3mvideo.model.output import Features
from p3mvideo.model.p3mnet import P3MNet


class ResNet34Encoder(nn.Module):
    """ResNet-34 that shrinks by max-pools only: no convolution has a stride, so that every pool can be undone by its indices.

    Its five pools look at 3x3 windows with stride 2, which overlap.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(64, 64, 3)
        self.layer2 = _stage(64, 128, 4)
        self.layer3 = _stage(128, 256, 6)
        self.layer4 = _stage(256, 512, 3)

    def forward(self, image: Tensor) -> Features:
        """(B, 3, H, W), ImageNet-normalised -> features."""
        full = F.relu(self.bn1(self.conv1(image)))
        s1, p0 = _pool(full)
        x, p1 = _pool(s1)
        s2 = self.layer1(x)
        x, p2 = _pool(s2)
        s3 = self.layer2(x)
        x, p3 = _pool(s3)
        s4 = self.layer3(x)
        x, p4 = _pool(s4)
        return Features(full, (s1, s2, s3, s4), self.layer4(x), (p0, p1, p2, p3, p4))


def p3mnet_resnet34(*, side_heads: bool = True) -> P3MNet:
    """Build P3M-Net (ResNet-34) with random weights.

    Args:
        side_heads: Whether to have the side outputs, which only training needs.
    """
    layout = DecoderLayout(
        blocks=((512, 512, 512, 256), (256, 256, 256, 128), (128, 128, 128, 64), (64, 64, 64, 64)),
        semantic_block=(64, 64, 64, 3),
        detail_block=(64, 64, 64),
        full_channels=64,
        semantic_head=False,
        side_heads=side_heads,
    )
    return P3MNet(ResNet34Encoder(), Decoder(layout))


def _pool(x: Tensor) -> tuple[Tensor, Tensor]:
    pooled, indices = F.max_pool2d(x, 3, 2, padding=1, return_indices=True)
    return pooled, indices


def _stage(before: int, after: int, depth: int) -> nn.Sequential:
    shortcut = None
    if before != after:
        shortcut = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))
    first = BasicBlock(before, after, downsample=shortcut)
    return nn.Sequential(first, *(BasicBlock(after, after) for _ in range(depth - 1)))
