"""P3M-Net with the published Swin-T encoder (arXiv 2203.16828; Swin: arXiv 2103.14030)."""

from collections.abc import Sequence
from itertools import islice
from typing import cast

import torch
import torch.nn.functional as F
from timm.layers import DropPath, Mlp
from timm.models.swin_transformer import WindowAttention
from torch import Tensor, nn

from p3mvideo.model.decoders.decoder import Decoder, DecoderLayout
from p3mvideo.model.encoders.encoder import PoolingEncoder
from p3mvideo.model.encoders.stem import Downsample, Stem, halve, to_channels_first
from p3mvideo.model.p3mnet import P3MNet

WINDOW = 7
APART = -100.0
"""Added to the attention between tokens that must not see each other; published value."""


class SwinBlock(nn.Module):
    """Attention inside 7x7 windows and an MLP, both residual.

    Args:
        channels: Width C.
        heads: Number of attention heads.
        drop_path: Probability of skipping each half while training.
    """

    def __init__(self, channels: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, heads, window_size=WINDOW)
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels, 4 * channels)

    def forward(self, x: Tensor, shift: tuple[int, int]) -> Tensor:
        """(B, h, w, C) -> same, with windows that start `shift` pixels further down and right."""
        x = x + self.drop_path(self._attend(self.norm1(x), shift))
        y: Tensor = self.drop_path(self.mlp(self.norm2(x)))
        return x + y

    def _attend(self, x: Tensor, shift: tuple[int, int]) -> Tensor:
        batch, height, width, channels = x.shape
        rows, columns = _windows(height), _windows(width)
        x = F.pad(x, (0, 0, 0, columns * WINDOW - width, 0, rows * WINDOW - height))
        x = torch.roll(x, (-shift[0], -shift[1]), (1, 2))
        x = x.view(batch, rows, WINDOW, columns, WINDOW, channels).transpose(2, 3)
        x = self.attn(x.reshape(-1, WINDOW * WINDOW, channels), attention_mask(height, width, shift, x))
        x = x.view(batch, rows, columns, WINDOW, WINDOW, channels).transpose(2, 3)
        x = x.reshape(batch, rows * WINDOW, columns * WINDOW, channels)
        return torch.roll(x, shift, (1, 2))[:, :height, :width]


def attention_mask(height: int, width: int, shift: tuple[int, int], like: Tensor) -> Tensor | None:
    """Return what is added to the attention in each window so that parts that do not belong together stay apart.

    Those are the padding, and what the cyclic shift has brought from the other side.

    Args:
        height: Height of the map before padding to windows, in tokens.
        width: Its width.
        shift: By how much the padded map was rolled up and left.
        like: A tensor whose type and device are taken.

    Returns:
        (windows, 49, 49) of 0 and -100, or None if nothing is to be kept apart.
    """
    if shift == (0, 0) and height % WINDOW == 0 and width % WINDOW == 0:
        return None
    row_parts, column_parts = _parts(height, shift[0], like.device), _parts(width, shift[1], like.device)
    parts = (row_parts[:, None] * 3 + column_parts).view(len(row_parts) // WINDOW, WINDOW, len(column_parts) // WINDOW, WINDOW)
    parts = parts.transpose(1, 2).reshape(-1, WINDOW * WINDOW)
    return (parts[:, None] != parts[:, :, None]).to(like.dtype) * APART


def _windows(length: int) -> int:
    """Return how many windows cover a length. ONNX rounds quotients of negative numbers to 0, so -(-length // WINDOW) would be another number."""
    return (length + WINDOW - 1) // WINDOW


def _parts(length: int, shift: int, device: torch.device) -> Tensor:
    """Return for each row of a padded and rolled map: 0 the image, 1 the padding, 2 the image from the other side."""
    padded = _windows(length) * WINDOW
    position = torch.arange(padded, device=device)
    return torch.roll((position >= length).long(), -shift, 0) + 2 * (position >= padded - shift)


class SwinStage(nn.Module):
    """Blocks of one width; every second one has shifted windows.

    Args:
        channels: Width C.
        heads: Number of attention heads.
        drop_paths: One probability per block.
        last: Whether no stage follows.
    """

    def __init__(self, channels: int, heads: int, drop_paths: Sequence[float], *, last: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(SwinBlock(channels, heads, drop_path) for drop_path in drop_paths)
        self.downsample: nn.Module = nn.Identity() if last else Downsample(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, C) -> same."""
        # An axis with a single window has nothing to exchange.
        shift = (WINDOW // 2 if x.shape[1] > WINDOW else 0, WINDOW // 2 if x.shape[2] > WINDOW else 0)
        for number, swin_block in enumerate(self.blocks):
            x = swin_block(x, shift if number % 2 else (0, 0))
        return x


class SwinEncoder(PoolingEncoder):
    """Swin-T with a convolutional stem and max-pools between its stages, for maps of any size."""

    def __init__(self, *, drop_path: float = 0.2) -> None:
        super().__init__()
        depths, heads, channels = (2, 2, 6, 2), (3, 6, 12, 24), 96
        rates = iter([drop_path * block / (sum(depths) - 1) for block in range(sum(depths))])
        self.patch_embed = Stem(48, channels, last_relu=True)
        self.layers = nn.ModuleList(
            SwinStage(channels << stage, heads[stage], list(islice(rates, depths[stage])), last=stage == 3) for stage in range(4)
        )
        self.norm = nn.LayerNorm(channels << 3)

    def layer(self, number: int, x: Tensor) -> Tensor:
        """See `PoolingEncoder`. Layers 2 to 5 are the four stages."""
        if number == 0:
            return self.patch_embed.at_full(x)
        if number == 1:
            return self.patch_embed.at_half(x)
        stage = cast("SwinStage", self.layers[number - 2])
        x = stage(self.patch_embed.at_quarter(x) if number == 2 else cast("Downsample", self.layers[number - 3].downsample).widen(x))
        return to_channels_first(self.norm(x)) if number == 5 else cast("Downsample", stage.downsample).skip(x)

    def pool(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `PoolingEncoder`."""
        return halve(x)


def p3mnet_swin_t(*, drop_path: float = 0.2, side_heads: bool = True) -> P3MNet:
    """Build P3M-Net (Swin-T) with random weights.

    Args:
        drop_path: Probability of skipping half of the last block while training, rising to it from 0 in the first.
        side_heads: Whether to have the side outputs, which only training needs.
    """
    layout = DecoderLayout(
        blocks=((768, 384, 384, 384), (384, 192, 192, 192), (192, 96, 96, 96), (96, 96, 96, 96)),
        semantic_block=(96, 48, 48, 48),
        detail_block=(96, 48, 48),
        full_channels=48,
        side_heads=side_heads,
    )
    return P3MNet(SwinEncoder(drop_path=drop_path), Decoder(layout))
