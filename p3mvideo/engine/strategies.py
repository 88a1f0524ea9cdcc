"""How a P3M-Net looks at an image of any size: the two published ways, and the way of this program's engine."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch

from p3mvideo.frame import Float32Array, UInt8Array, check_rgb
from p3mvideo.model.output import MattingOutput
from p3mvideo.model.p3mnet import STRIDE, P3MNet
from p3mvideo.ops.fusion import FOREGROUND, TRANSITION, harden
from p3mvideo.ops.normalise import normalise

LONGEST_PX = 1600
LEVEL_TOLERANCE = 0.5 / 255
"""How far from 0 or 1 a resized trimap may be and still count as known."""


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


def network_size(width: int, height: int, scale: float) -> Size:
    """Return the size at which the published strategies run the network: multiples of 32, rounded down, at most 1600.

    Images that are too large are shrunk as a whole; the published code cuts each side by itself, which distorts them. The least is
    32, where the published code arrives at 0.

    Args:
        width: Of the image in pixels.
        height: Of the image in pixels.
        scale: Of the pass, 1 or 0.5.
    """
    scale = min(scale, LONGEST_PX / max(width, height))
    sides = (max(STRIDE, int(side * scale + 1e-6) // STRIDE * STRIDE) for side in (width, height))
    return Size(*sides)


def resize_strategy(network: P3MNet, image: UInt8Array) -> Float32Array:
    """Return the fused alpha of one pass at half size, brought back to full size.

    Args:
        network: In evaluation mode.
        image: uint8 RGB (H, W, 3).

    Returns:
        Alpha in [0, 1], float32 (H, W).

    Raises:
        TypeError, ValueError: The image is another kind of array.
    """
    check_rgb(image)
    height, width = image.shape[:2]
    alpha = _pass(network, image, network_size(width, height, 0.5)).alpha
    return _resized(_array(alpha[0]), width, height)[..., 0]


def hybrid_strategy(network: P3MNet, image: UInt8Array) -> Float32Array:
    """Return alpha with the semantic branch of a pass at half size and the detail branch of a pass at full size.

    The published code compares a resized trimap with exact values, so that rounding turns known pixels into unknown ones, and specks of
    the unsupervised detail branch appear inside the person. Here a value counts as known within half a grey level.

    Arguments, result and errors as of `resize_strategy`.
    """
    check_rgb(image)
    height, width = image.shape[:2]
    classes = harden(_pass(network, image, network_size(width, height, 0.5)).semantic_logits)[0]
    detail = _resized(_array(_pass(network, image, network_size(width, height, 1)).detail[0]), width, height)[..., 0]
    level = _resized(_array(classes[FOREGROUND] + 0.5 * classes[TRANSITION]), width, height)[..., 0]
    alpha: Float32Array = np.where(level > 1 - LEVEL_TOLERANCE, 1, np.where(level < LEVEL_TOLERANCE, 0, detail)).astype(np.float32)
    return alpha


@torch.inference_mode()
def _pass(network: P3MNet, image: UInt8Array, size: Size) -> MattingOutput:
    device = next(network.parameters()).device
    pixels = _resized(image.astype(np.float32), *size)
    return network(normalise(torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None]))  # type: ignore[no-any-return]


def _array(tensor: torch.Tensor) -> Float32Array:
    """(C, h, w) or (h, w) -> (h, w, C) or (h, w)."""
    array: Float32Array = tensor.movedim(0, -1).float().cpu().numpy() if tensor.ndim == 3 else tensor.float().cpu().numpy()
    return array


def _resized(array: Float32Array, width: int, height: int) -> Float32Array:
    """Resize (h, w) or (h, w, C) bilinearly to (height, width, C); without a filter against aliasing, as the published numbers."""
    resized = cv2.resize(np.ascontiguousarray(array), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized if resized.ndim == 3 else resized[..., None], np.float32)
