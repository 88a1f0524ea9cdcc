"""P3M-Net with the published ViTAE-S encoder (arXiv 2203.16828; ViTAE: arXiv 2106.03348)."""

import math
from typing import cast

import torch
import torch.nn.functional as F
from timm.layers import Mlp
from torch import Tensor, nn

from p3mvideo.model.decoders.decoder import Decoder, DecoderLayout
from p3mvideo.model.encoders.encoder import PoolingEncoder
from p3mvideo.model.encoders.stem import Downsample, Stem, halve, to_channels_first, to_channels_last
from p3mvideo.model.p3mnet import P3MNet

RANDOM_FEATURES = 32
FEATURES_SEED = 20220331


class PerformerAttention(nn.Module):
    """Attention in linear time by positive random features (Choromanski et al., arXiv 2009.14794), one head.

    The published code draws the projection again for every network and never stores it. Here it is a buffer: drawn from a fixed seed,
    moved and stored with the weights.

    Args:
        channels: Width C.
        seed: Of the random projection.
    """

    projection: Tensor

    def __init__(self, channels: int, *, seed: int) -> None:
        super().__init__()
        self.kqv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.register_buffer("projection", _orthogonal_features(RANDOM_FEATURES, channels, seed))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        k, q, v = self.kqv(x).chunk(3, -1)
        # The exponentials reach e^16, too much for half precision.
        with torch.autocast(x.device.type, enabled=False):
            k, q, v = (t if t.dtype == torch.float64 else t.float() for t in (k, q, v))
            k, q = self._features(k), self._features(q)  # (B, N, m)
            norm = q @ k.sum(1).unsqueeze(-1) + 1e-8
            y = q @ (k.transpose(1, 2) @ v) / norm
        result: Tensor = self.proj(y.to(x.dtype))
        return result

    def _features(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, m), positive; their products approximate exp of the products of `x`."""
        w: Tensor = self.projection.to(x.dtype)
        return torch.exp(x @ w.T - x.square().sum(-1, keepdim=True) / 2) / math.sqrt(RANDOM_FEATURES)


def _orthogonal_features(count: int, channels: int, seed: int) -> Tensor:
    """Return orthogonal rows of length sqrt(count), shape (count, channels), from a generator of their own."""
    gaussian = torch.randn(channels, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    basis, triangle = torch.linalg.qr(gaussian)
    rows: Tensor = (basis * triangle.diagonal().sign()).T  # the signs are the library's choice otherwise
    return (rows * math.sqrt(count)).float()


class Attention(nn.Module):
    """Global multi-head attention, without ever holding the matrix of all pairs where the device has a kernel for that.

    Args:
        channels: Width C.
        heads: Number of heads.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        batch, count, channels = x.shape
        q, k, v = self.qkv(x).view(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v)
        result: Tensor = self.proj(y.transpose(1, 2).reshape(batch, count, channels))
        return result


class NormalCell(nn.Module):
    """ViTAE's normal cell: attention with a convolutional branch beside it, then an MLP, all residual.

    Args:
        channels: Width C.
        attention: The attention module.
        groups: Groups of the convolutions.
    """

    def __init__(self, channels: int, attention: nn.Module, groups: int) -> None:
        super().__init__()
        wide = 4 * channels
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = attention
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = Mlp(channels, wide)
        self.PCM = nn.Sequential(
            nn.Conv2d(channels, wide, 3, padding=1, groups=groups), nn.BatchNorm2d(wide), nn.SiLU(inplace=True),
            nn.Conv2d(wide, channels, 3, padding=1, groups=groups), nn.BatchNorm2d(channels), nn.SiLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, groups=groups), nn.SiLU(inplace=True),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) -> same."""
        local = to_channels_last(self.PCM(to_channels_first(x)))
        x = x + self.attn(self.norm1(x).flatten(1, 2)).view_as(x) + local
        y: Tensor = self.mlp(self.norm2(x))
        return x + y


class ViTAEStage(nn.Module):
    """The step down from the stage before (`RC`), and normal cells of one width (`NC`).

    Args:
        channels: Width C.
        depth: Number of cells.
        heads: Attention heads; with one, attention takes linear time.
        groups: Groups of the convolutions.
        first: Whether this is the first stage, which starts with the stem.
    """

    def __init__(self, channels: int, depth: int, heads: int, groups: int, *, first: bool) -> None:
        super().__init__()
        self.RC: nn.Module = Stem(channels // 2, channels, last_relu=False) if first else Downsample(channels // 2)
        self.NC = nn.Sequential(
            *(
                NormalCell(channels, PerformerAttention(channels, seed=FEATURES_SEED + cell) if first else Attention(channels, heads), groups)
                for cell in range(depth)
            )
        )


class ViTAEEncoder(PoolingEncoder):
    """ViTAE-S without reduction cells: a convolutional stem and max-pools between the stages."""

    def __init__(self) -> None:
        super().__init__()
        shapes = ((64, 2, 1, 1), (128, 2, 2, 32), (256, 12, 4, 64), (512, 2, 8, 128))
        self.layers = nn.ModuleList(ViTAEStage(*shape, first=number == 0) for number, shape in enumerate(shapes))

    def layer(self, number: int, x: Tensor) -> Tensor:
        """See `PoolingEncoder`. Layers 2 to 5 are the four stages; the norm of each map belongs to the step down behind it."""
        stem = cast("Stem", self.layers[0].RC)
        if number == 0:
            return stem.at_full(x)
        if number == 1:
            return stem.at_half(x)
        stage = cast("ViTAEStage", self.layers[number - 2])
        tokens = stage.NC(stem.at_quarter(x) if number == 2 else cast("Downsample", stage.RC).widen(x))
        return to_channels_first(tokens) if number == 5 else cast("Downsample", self.layers[number - 1].RC).skip(tokens)

    def pool(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `PoolingEncoder`."""
        return halve(x)


def p3mnet_vitae_s(*, side_heads: bool = True) -> P3MNet:
    """Build P3M-Net (ViTAE-S) with random weights.

    Args:
        side_heads: Whether to have the side outputs, which only training needs.
    """
    layout = DecoderLayout(
        blocks=((512, 256, 256, 256), (256, 128, 128, 128), (128, 64, 64, 64), (64, 64, 64, 64)),
        semantic_block=(64, 32, 32, 32),
        detail_block=(64, 32, 32),
        full_channels=32,
        side_heads=side_heads,
    )
    return P3MNet(ViTAEEncoder(), Decoder(layout))
