"""P3M-Net with the published ResNet-34 encoder (arXiv 2203.16828)."""

import torch.nn.functional as F
from timm.models.resnet import BasicBlock
from torch import Tensor, nn

from p3mvideo.model.decoders.decoder import Decoder, DecoderLayout
from p3mvideo.model.encoders.encoder import PoolingEncoder
from p3mvideo.model.p3mnet import P3MNet


class ResNet34Encoder(PoolingEncoder):
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

    def layer(self, number: int, x: Tensor) -> Tensor:
        """See `PoolingEncoder`. Layer 1 is what the first pool leaves of layer 0."""
        if number == 0:
            return F.relu(self.bn1(self.conv1(x)))
        if number == 1:
            return x
        stage: Tensor = (self.layer1, self.layer2, self.layer3, self.layer4)[number - 2](x)
        return stage

    def pool(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `PoolingEncoder`."""
        pooled, indices = F.max_pool2d(x, 3, 2, padding=1, return_indices=True)
        return pooled, indices


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


def _stage(before: int, after: int, depth: int) -> nn.Sequential:
    shortcut = None
    if before != after:
        shortcut = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))
    first = BasicBlock(before, after, downsample=shortcut)
    return nn.Sequential(first, *(BasicBlock(after, after) for _ in range(depth - 1)))
