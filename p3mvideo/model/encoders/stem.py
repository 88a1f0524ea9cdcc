"""What the published transformer encoders share: the convolutional stem and the step between two stages."""

import torch.nn.functional as F
from torch import Tensor, nn


def halve(x: Tensor) -> tuple[Tensor, Tensor]:
    """Halve (B, C, H, W) by a 2x2 max-pool; return it with the indices of the largest."""
    pooled, indices = F.max_pool2d(x, 2, 2, return_indices=True)
    return pooled, indices


def to_channels_last(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H, W, C)."""
    return x.permute(0, 2, 3, 1)


def to_channels_first(x: Tensor) -> Tensor:
    """(B, H, W, C) -> (B, C, H, W)."""
    return x.permute(0, 3, 1, 2)


class Stem(nn.Module):
    """Three 3x3 convolutions with a 2x2 max-pool between each two, which give the features that need full and half resolution.

    Args:
        full_channels: C0, the width at full resolution.
        channels: C, the width at half and quarter resolution.
        last_relu: Whether a ReLU follows the third convolution.
    """

    def __init__(self, full_channels: int, channels: int, *, last_relu: bool) -> None:
        super().__init__()
        self.proj1 = nn.Conv2d(3, full_channels, 3, padding=1)
        self.proj2 = nn.Conv2d(full_channels, channels, 3, padding=1)
        self.proj3 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.LayerNorm(channels)
        self.last_relu = last_relu

    def at_full(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> E0 (B, C0, H, W)."""
        return F.relu(self.proj1(image))

    def at_half(self, x: Tensor) -> Tensor:
        """Pooled E0 (B, C0, H/2, W/2) -> S1 (B, C, H/2, W/2)."""
        return F.relu(self.proj2(x))

    def at_quarter(self, x: Tensor) -> Tensor:
        """Pooled S1 (B, C, H/4, W/4) -> the normalised map (B, H/4, W/4, C)."""
        x = self.proj3(x)
        normalised: Tensor = self.norm(to_channels_last(F.relu(x) if self.last_relu else x))
        return normalised


class Downsample(nn.Module):
    """Between two stages, before and after a 2x2 max-pool: a LayerNorm, whose output is a skip feature, and a linear map to twice the width.

    Args:
        channels: C, the width before.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.linear = nn.Linear(channels, 2 * channels, bias=False)

    def skip(self, x: Tensor) -> Tensor:
        """(B, h, w, C) -> the skip feature (B, C, h, w)."""
        return to_channels_first(self.norm(x))

    def widen(self, pooled: Tensor) -> Tensor:
        """The pooled skip feature (B, C, h/2, w/2) -> (B, h/2, w/2, 2 C)."""
        wide: Tensor = self.linear(to_channels_last(pooled))
        return wide
