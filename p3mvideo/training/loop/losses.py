"""P3M-Net's losses (arXiv 2203.16828, section 4.4, with the constants of the published training code), and one for clips.

Each function is pure and returns a scalar tensor; `matting_losses` returns all named terms and their `total`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.model.output import MattingOutput
from p3mvideo.options.training.losses import LossOptions

PYRAMID_LEVELS = 5
PUBLISHED_WEIGHTS = LossOptions().with_recipe()


def absolute_error(pred_alpha: Tensor, true_alpha: Tensor) -> Tensor:
    """Mean of the smoothed |difference|, sqrt(d^2 + 1e-12)."""
    return torch.sqrt((pred_alpha - true_alpha) ** 2 + 1e-12).mean()


def unknown_absolute_error(pred_alpha: Tensor, true_alpha: Tensor, unknown: Tensor, unknown_px: Tensor | None = None) -> Tensor:
    """Smoothed |difference| inside the unknown area, summed over the batch, divided by its number of pixels plus one.

    Args:
        pred_alpha: (B, 1, H, W).
        true_alpha: (B, 1, H, W).
        unknown: (B, 1, H, W), 1 in the unknown area, else 0.
        unknown_px: How many pixels it has; None counts those of this batch. See `matting_losses`.
    """
    error = torch.sqrt(((pred_alpha - true_alpha) * unknown) ** 2 + 1e-12)
    return error.sum() / ((unknown.sum() if unknown_px is None else unknown_px) + 1)


def _pyramid_kernel(like: Tensor) -> Tensor:
    """The published 5x5 kernel: gx^2 + gy^2 of the Gaussians of both axes, normalised; a sum, not a product, so it is cross-shaped."""
    axis = torch.arange(-2, 3, dtype=like.dtype, device=like.device)
    square = torch.exp(-(axis**2) / 2) ** 2
    kernel = square[:, None] + square[None, :]
    return (kernel / kernel.sum())[None, None]


def _laplacian_pyramid(alpha: Tensor) -> list[Tensor]:
    """Return the bands from fine to coarse and the residual of a (B, 1, H, W) tensor, as (1, B, h, w).

    The images of the batch lie side by side as channels: processors have fast kernels for many channels, and none for one.
    """
    alpha = alpha.transpose(0, 1).contiguous()
    count = alpha.shape[1]
    kernel = _pyramid_kernel(alpha).expand(count, 1, 5, 5).contiguous()
    bands = []
    for _ in range(PYRAMID_LEVELS):
        blurred = F.conv2d(F.pad(alpha, (2, 2, 2, 2), mode="replicate"), kernel, groups=count)
        bands.append(alpha - blurred)
        alpha = F.avg_pool2d(blurred, 2)
    return [*bands, alpha]


def laplacian_error(pred_alpha: Tensor, true_alpha: Tensor) -> Tensor:
    """Sum of the mean |difference| of each level of both Laplacian pyramids. Sizes must be at least 32."""
    # A pyramid is linear: that of the difference is the difference of both.
    return torch.stack([level.abs().mean() for level in _laplacian_pyramid(pred_alpha - true_alpha)]).sum()


def composition_error(pred_alpha: Tensor, image: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """Mean over pixels of the smoothed |difference| of the recomposed image, summed over its three channels."""
    composite = pred_alpha * foreground + (1 - pred_alpha) * background
    return torch.sqrt((composite - image) ** 2 + 1e-12).sum() / (image.numel() / 3)


def temporal_error(pred_alpha: Tensor, true_alpha: Tensor, follows: Tensor) -> Tensor:
    """Mean of the smoothed |difference| between how the alpha changes from frame to frame and how it should.

    The temporal coherence of Robust Video Matting (Lin et al., WACV 2022, section 4), on pairs of frames, with an absolute error
    instead of a squared one.

    Args:
        pred_alpha: (B, 1, H, W).
        true_alpha: (B, 1, H, W).
        follows: (B, 1, 1, 1), 1 where a sample is the next frame after the sample before, else 0. Where it is 0 the error counts as 0.
    """
    error = pred_alpha - true_alpha
    change = (error - error.roll(1, 0)) * follows
    return torch.sqrt(change**2 + 1e-12).mean()


def _side_error(logits: Tensor, true_classes: Tensor) -> Tensor:
    """Cross-entropy of a side output, at its own size: the classes are those in the middle of its pixels."""
    step = true_classes.shape[-1] // logits.shape[-1]
    return F.cross_entropy(logits, true_classes[:, step // 2 :: step, step // 2 :: step])


def matting_losses(
    output: MattingOutput,
    true_alpha: Tensor,
    true_classes: Tensor,
    *,
    layers: Sequence[Tensor] | None = None,
    unknown_px: Tensor | None = None,
    follows: Tensor | None = None,
    weights: LossOptions | None = None,
) -> dict[str, Tensor]:
    """Return P3M-Net's loss terms by name, and `total`.

    Args:
        output: The network's outputs for a batch.
        true_alpha: float (B, 1, H, W) in [0, 1].
        true_classes: long (B, H, W): 0 background, 1 transition, 2 foreground.
        layers: Image, foreground and background, (B, 3, H, W) each, normalised like the network's input. None leaves the
            composition term out.
        unknown_px: Number of transition pixels to divide by; None counts those of this batch. Where several processes share a batch,
            it makes the mean of their losses the loss of the whole batch.
        follows: See `temporal_error`. None leaves the temporal term out.
        weights: Of the terms; None takes the published ones.
    """
    weights = weights or PUBLISHED_WEIGHTS
    unknown = (true_classes == 1).unsqueeze(1).to(true_alpha.dtype)
    detail, alpha = output.detail.float(), output.alpha.float()
    main = F.cross_entropy(output.semantic_logits.float(), true_classes)
    sides = torch.stack([_side_error(side.float(), true_classes) for side in output.side_logits] or [torch.zeros_like(main)]).sum()
    laplacian = weights.laplacian_weight
    terms = {
        "semantic": 3 * main + sides,
        "detail": unknown_absolute_error(detail, true_alpha, unknown, unknown_px)
        + laplacian * laplacian_error(detail * unknown, true_alpha * unknown),
        "alpha": absolute_error(alpha, true_alpha) + laplacian * laplacian_error(alpha, true_alpha),
    }
    total = weights.semantic_weight * main + weights.side_weight * sides
    total = total + weights.detail_weight * terms["detail"] + weights.alpha_weight * terms["alpha"]
    if layers is not None:
        image, foreground, background = layers
        terms["composition"] = composition_error(alpha, image, foreground, background)
        total = total + weights.composition_weight * terms["composition"]
    if follows is not None:
        terms["temporal"] = temporal_error(alpha, true_alpha, follows)
        total = total + weights.temporal_weight * terms["temporal"]
    return {**terms, "total": total}
