"""Networks that need a trimap, as ONNX files: DIM, GCA, IndexNet and FBA, each with its image, its trimap and its sizes as its authors run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from p3mvideo.engine.graph import load_graph
from p3mvideo.errors import ConfigError
from p3mvideo.evaluation.methods.method import needed
from p3mvideo.files.file_hash import file_sha256
from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.ops.imagenet import IMAGENET_MEAN, IMAGENET_STD

FBA_REACH_PX = 320
"""FBA's distances are measured in parts of this."""

Plane = Callable[[Float32Array, Float32Array], Float32Array]
"""From an image, RGB in [0, 1] (H, W, 3), and a trimap, 0, 0.5 or 1 (H, W), to one input (H, W, C)."""


def unit(image: Float32Array, trimap: Float32Array) -> Float32Array:
    """Return the image as it is."""
    return image


def imagenet(image: Float32Array, trimap: Float32Array) -> Float32Array:
    """Return the image with ImageNet's mean and standard deviation."""
    mean, std = np.asarray(IMAGENET_MEAN, np.float32), np.asarray(IMAGENET_STD, np.float32)
    return (image - mean) / std


def level(image: Float32Array, trimap: Float32Array) -> Float32Array:
    """Return the trimap as one channel."""
    return trimap[..., None]


def one_hot(image: Float32Array, trimap: Float32Array) -> Float32Array:
    """Return three channels: background, unknown, foreground."""
    return np.stack([trimap == 0, trimap == 0.5, trimap == 1], -1).astype(np.float32)


def known(image: Float32Array, trimap: Float32Array) -> Float32Array:
    """Return two channels: surely background, surely foreground."""
    return np.stack([trimap == 0, trimap == 1], -1).astype(np.float32)


def distances(image: Float32Array, trimap: Float32Array) -> Float32Array:
    """Return how near the background and the foreground are, each at three scales: exp(-d^2 / (2 (s * 320)^2)) for s = 0.02, 0.08 and 0.16.

    Forte and Pitie, "F, B, Alpha Matting", arXiv 2003.07711.
    """
    channels = []
    for surely in np.moveaxis(known(image, trimap), -1, 0):
        if not surely.any():
            channels += [np.zeros_like(trimap)] * 3
            continue
        squared = cv2.distanceTransform((surely == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) ** 2
        channels += [np.exp(-squared / (2 * (scale * FBA_REACH_PX) ** 2)) for scale in (0.02, 0.08, 0.16)]
    return np.stack(channels, -1).astype(np.float32)


@dataclass(frozen=True)
class TrimapLayout:
    """How a family of networks takes image and trimap. A file has an input for each plane, in this order, or one with all their channels."""

    planes: tuple[Plane, ...]
    multiple: int
    """Height and width are multiples of this."""
    fit: Literal["pad", "resize"]
    """How an image is brought to such a size: reflected at its borders, or enlarged."""
    interpolation: int = cv2.INTER_LINEAR
    """With which an image is enlarged, and its alpha brought back; trimaps keep their three values."""
    border: int = 0
    """Padding on each side, in pixels, whatever the size."""
    channels: int = 1
    """Of the output, of which alpha is the first."""


LAYOUTS: dict[str, TrimapLayout] = {
    "dim": TrimapLayout((imagenet, level), 32, "pad"),
    "gca": TrimapLayout((imagenet, one_hot), 32, "pad", border=32),
    "indexnet": TrimapLayout((imagenet, level), 32, "resize", cv2.INTER_CUBIC),
    "fba": TrimapLayout((unit, known, imagenet, distances), 8, "resize", cv2.INTER_LANCZOS4, channels=7),
}
"""Deep Image Matting (arXiv 1703.03872), GCA Matting (arXiv 2001.04069), IndexNet Matting (arXiv 1908.00672), FBA Matting (arXiv 2003.07711)."""


class TrimapNetworkMethod:
    """A trimap-based network. What the trimap knows is kept.

    Args:
        path: Its .onnx file.
        layout: A key of `LAYOUTS`.

    Raises:
        WeightsError, DeviceError: It cannot be loaded.
        ConfigError: Its inputs are not those of the layout.
    """

    learned = True

    def __init__(self, path: Path, layout: str) -> None:
        self._layout = LAYOUTS[layout]
        self._graph = load_graph(path)
        self._graph.alpha_output()
        nothing = np.zeros((8, 8, 3), np.float32)
        expected = [plane(nothing, nothing[..., 0]).shape[-1] for plane in self._layout.planes]
        got = [one.channels for one in self._graph.inputs]
        self._joined = len(got) == 1
        wanted = [sum(expected)] if self._joined else expected
        if len(got) != len(wanted) or any(channels not in (one, None) for channels, one in zip(got, wanted, strict=True)):
            raise ConfigError(
                f"{path} takes inputs with {got} channels, expected {expected} or [{sum(expected)}] for {layout}",
                hint=f"the layouts are {', '.join(LAYOUTS)}",
            )
        self.name = path.stem
        self.description = f"{path.name}: {layout}, with trimap"
        self.identity = f"{file_sha256(path)}, {layout}"

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`."""
        trimap = needed(trimap, self.name)
        levels = np.where(trimap == 255, 1, np.where(trimap == 0, 0, 0.5)).astype(np.float32)
        pixels = image.astype(np.float32) / np.float32(255)
        height, width = levels.shape
        fitted = self._fitted(pixels, levels)
        planes = [plane(*fitted) for plane in self._layout.planes]
        inputs = [np.concatenate(planes, -1)] if self._joined else planes
        alpha = self._graph.alpha(*(np.ascontiguousarray(one.transpose(2, 0, 1)[None]) for one in inputs), channels=self._layout.channels)
        if self._layout.fit == "pad":
            border = self._layout.border
            alpha = alpha[border : border + height, border : border + width]
        else:
            alpha = np.asarray(cv2.resize(alpha, (width, height), interpolation=self._layout.interpolation), np.float32)
        found: Float32Array = np.where(levels == 0.5, alpha.clip(0, 1), levels).astype(np.float32)
        return found

    def _fitted(self, pixels: Float32Array, levels: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Return image and trimap at the size at which the network sees them."""
        layout, (height, width) = self._layout, levels.shape
        below, right = -height % layout.multiple, -width % layout.multiple
        if self._graph.size is not None and (width + right + 2 * layout.border, height + below + 2 * layout.border) != self._graph.size:
            raise ConfigError(f"{self.name} takes images of one size, {self._graph.size}", hint="export it for any size")
        if layout.fit == "resize":
            size = (width + right, height + below)
            resized = cv2.resize(pixels, size, interpolation=layout.interpolation), cv2.resize(levels, size, interpolation=cv2.INTER_NEAREST)
            return np.asarray(resized[0], np.float32), np.asarray(resized[1], np.float32)
        sides = (layout.border, layout.border + below, layout.border, layout.border + right)
        padded = [cv2.copyMakeBorder(one, *sides, cv2.BORDER_REFLECT_101) for one in (pixels, levels)]
        return np.asarray(padded[0], np.float32), np.asarray(padded[1], np.float32)
