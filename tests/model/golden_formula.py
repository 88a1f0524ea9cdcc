"""Deterministic weights and input behind the golden outputs in `golden/`.

Every tensor of a P3M-Net checkpoint is derived from its own key name, so a full checkpoint in the published key layout can
be rebuilt anywhere from `keys_<variant>.json` (name -> shape) without storing it.
"""

import json
import math
import zlib
from pathlib import Path

import numpy as np


def tensor_for(key: str, shape: list[int]) -> np.ndarray:
    """Return the float64 tensor of `key`. Integer buffers (indices, masks) are not covered and are listed as None."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    last = key.rsplit(".", 1)[-1]
    if last == "running_mean":
        return np.zeros(shape)
    if last == "running_var":
        return np.ones(shape)
    if len(shape) >= 2:
        fan_in = math.prod(shape[1:]) if last != "relative_position_bias_table" else 2500
        gain = 0.25 if ".kqv." in key else 1.0  # keeps the performer's exponentials well conditioned
        return gain * rng.standard_normal(shape) * math.sqrt(2.0 / fan_in)
    if last == "weight":
        return 1.0 + 0.1 * rng.standard_normal(shape)
    return 0.1 * rng.standard_normal(shape)


def performer_features(module_path: str, shape: list[int]) -> np.ndarray:
    """Return the float64 random-feature matrix of one ViTAE-S performer layer, shape (heads, features, head_width).

    The published checkpoints do not store it. `module_path` is the layer's path in the published layout, such as
    `encoder.layers.0.NC.0.attn`.
    """
    rng = np.random.default_rng(zlib.crc32(f"{module_path}.w".encode()))
    return 0.7 * rng.standard_normal(shape)


def canonical_key(key: str) -> str:
    """ResNet-34 checkpoints hold the encoder twice; both copies carry the tensor named after the `resnet.` key."""
    for alias, name in (
        ("encoder0.0.", "resnet.conv1."),
        ("encoder0.1.", "resnet.bn1."),
        ("encoder1.0.", "resnet.layer1."),
        ("encoder2.", "resnet.layer2."),
        ("encoder3.", "resnet.layer3."),
        ("encoder4.", "resnet.layer4."),
    ):
        if key.startswith(alias):
            return name + key[len(alias) :]
    return key


def checkpoint(variant: str) -> dict[str, np.ndarray | None]:
    """Build the published-layout state dict of `variant` ("r34", "swin" or "vitae"); None marks buffers to be recomputed."""
    keys = json.loads((Path(__file__).parent / "golden" / f"keys_{variant}.json").read_text())
    skip = ("relative_position_index", "attn_mask", "num_batches_tracked")
    flat = variant == "r34"
    return {key: None if key.endswith(skip) else tensor_for(canonical_key(key) if flat else key, shape) for key, shape in keys.items()}


def image(height: int, width: int) -> np.ndarray:
    """Return the float64 input, shape (2, 3, height, width), already ImageNet-normalised: smooth blobs plus noise."""
    rng = np.random.default_rng(20220331)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    out = np.empty((2, 3, height, width))
    for b in range(2):
        for c in range(3):
            cy, cx, s = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.3)
            out[b, c] = 2.0 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * s * s)) - 0.5
    return out + 0.1 * rng.standard_normal(out.shape)
