"""What P3M-Net's encoder hands to its decoder, and what the network returns."""

from typing import NamedTuple

from torch import Tensor


class Features(NamedTuple):
    """Encoder features, from fine to coarse. B images of H x W pixels, H and W multiples of 32."""

    full: Tensor
    """E0, (B, C0, H, W): shallow features for sBFI."""
    skips: tuple[Tensor, Tensor, Tensor, Tensor]
    """S1 to S4 at strides 2, 4, 8, 16: encoder side of TFI 0 to 3."""
    deepest: Tensor
    """X, (B, Cd, H/32, W/32): the input of both decoders and the deep side of dBFI."""
    pool_indices: tuple[Tensor, Tensor, Tensor, Tensor, Tensor] | None = None
    """Indices of the max-pools 1 to 5 where the decoder unpools with them; None where it upsamples bilinearly."""


class MattingOutput(NamedTuple):
    """The outputs of P3M-Net."""

    semantic_logits: Tensor
    """(B, 3, H, W): background, transition, foreground; no softmax applied."""
    detail: Tensor
    """(B, 1, H, W) in [0, 1]: alpha of the detail branch, meaningful inside the transition area only."""
    alpha: Tensor
    """(B, 1, H, W) in [0, 1]: the fused alpha."""
    side_logits: tuple[Tensor, ...]
    """(B, 3, H, W) each, or an integer fraction of that size: side outputs of dBFI 2, 1, 0 for training; empty in a network built without
    side heads."""
