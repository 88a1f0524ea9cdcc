"""Fusion of the semantic and the detail branch into one alpha (arXiv 2203.16828, section 4.1)."""

import torch
from torch import Tensor

BACKGROUND, TRANSITION, FOREGROUND = 0, 1, 2


def fuse(semantic: Tensor, detail: Tensor) -> Tensor:
    """Return the fused alpha: the detail branch inside the transition area, the semantic branch everywhere else.

    Args:
        semantic: Class probabilities background, transition, foreground; float (B, 3, H, W). One-hot probabilities give the
            published hard gating, see `harden`; soft ones let gradients and temporal smoothing reach the semantic branch.
        detail: Alpha of the detail branch in [0, 1]; float (B, 1, H, W).

    Returns:
        Alpha in [0, 1]; float (B, 1, H, W).
    """
    return semantic[:, FOREGROUND : FOREGROUND + 1] + semantic[:, TRANSITION : TRANSITION + 1] * detail


def harden(logits: Tensor) -> Tensor:
    """Return one-hot class probabilities of (B, 3, H, W) logits: 1 for the largest class, the first of equals.

    No gradient reaches the logits, as in the published network.
    """
    return torch.zeros_like(logits).scatter_(1, logits.argmax(1, keepdim=True), 1.0)
