"""What a face is replaced with.

Blurred and pixelated faces can be recognised again ("Defeating Image Obfuscation with Deep Learning", McPherson et al., 2016). So
what is kept of a face here is counted in colours, whatever its size: one for a blur, at most a handful a side for a mosaic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np

from p3mvideo.errors import ConfigError
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.region import Region

Replacement = Literal["blur", "mosaic", "solid"]

MOSAIC_CELLS = 4
"""How many squares of a mosaic lie along a face's side at most."""


class Filter(Protocol):
    """Makes the pixels that replace a face."""

    def __call__(self, patch: UInt8Array, side_px: float) -> UInt8Array:
        """Return what replaces `patch`, uint8 RGB (h, w, 3), around a face whose box has sides of `side_px` pixels."""
        ...


@dataclass(frozen=True)
class Blur:
    """Nothing of the face but whether it is rather dark or rather light, in two colours that are the same for everybody."""

    def __call__(self, patch: UInt8Array, side_px: float) -> UInt8Array:
        return self.settled(patch)(patch, side_px)

    def settled(self, patch: UInt8Array) -> Solid:
        """Return what replaces the face in this patch, for further pictures of it: a face between both colours would flicker."""
        height, width = patch.shape[:2]
        middle = patch[height // 4 : height - height // 4, width // 4 : width - width // 4]
        brightness = float(cv2.mean(cv2.cvtColor(middle, cv2.COLOR_RGB2GRAY))[0])
        # Quantised before it is spread over the face: what the steps took away, no sharpening brings back.
        return Solid(TONES[int(brightness) * len(TONES) // 256])


TONES = ((92, 74, 64), (170, 142, 126))
"""The colours that a blurred face may have, dark to light. More of them would tell more people apart."""


@dataclass(frozen=True)
class Smear:
    """A strong blur as a matting network is shown and trained on: near flat, but with the light and shade of a head.

    It can be recognised again; pictures that others may see take a `Blur`.
    """

    cells: int = 4
    """How many colours are kept along a face's side."""

    def __call__(self, patch: UInt8Array, side_px: float) -> UInt8Array:
        cells = _cells(patch, side_px / self.cells, step=16)
        smooth: UInt8Array = cv2.resize(cells, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_LINEAR)
        return smooth


@dataclass(frozen=True)
class Mosaic:
    """Squares of one colour each."""

    size_px: int = 20
    """Side of a square; larger on faces that would otherwise keep more than a handful of squares."""

    def __call__(self, patch: UInt8Array, side_px: float) -> UInt8Array:
        return _squares(patch, max(float(self.size_px), side_px / MOSAIC_CELLS))


@dataclass(frozen=True)
class Solid:
    """One colour, whatever was there."""

    colour: tuple[int, int, int] = (0, 0, 0)

    def __call__(self, patch: UInt8Array, side_px: float) -> UInt8Array:
        return _plain(self.colour, patch)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, stretched over the face."""

    pixels: UInt8Array
    """uint8 RGB (h, w, 3)."""

    def __call__(self, patch: UInt8Array, side_px: float) -> UInt8Array:
        stretched: UInt8Array = cv2.resize(self.pixels, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_AREA)
        return stretched


SMEAR = Smear()


def make_filter(replacewith: str, *, mosaicsize: int = 20) -> Filter:
    """Return the filter that `--replacewith` names: blur, mosaic, solid, or the path of a picture.

    Raises:
        ConfigError: It names none of these.
    """
    if mosaicsize < 1:
        raise ConfigError(f"--mosaicsize is {mosaicsize}, expected at least 1")
    match replacewith:
        case "blur":
            return Blur()
        case "mosaic":
            return Mosaic(mosaicsize)
        case "solid":
            return Solid()
    content = np.frombuffer(Path(replacewith).read_bytes(), np.uint8) if Path(replacewith).is_file() else None
    picture = None if content is None or not content.size else cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ConfigError(
            f"--replacewith is {replacewith!r}, which is no picture that can be read",
            hint="Expected blur, mosaic, solid, or the path of a picture.",
        )
    return Picture(picture)


class FaceFilters:
    """The filter of each face of a stream.

    Args:
        replacement: What faces are covered with.
    """

    def __init__(self, replacement: Filter) -> None:
        self._replacement = replacement
        self._settled: dict[int, Filter] = {}

    def of(self, track: int, image: UInt8Array, region: Region) -> Filter:
        """Return the filter of the face with that track's number, which is at `region` of `image`, uint8 RGB (H, W, 3)."""
        if not isinstance(self._replacement, Blur):
            return self._replacement
        if track not in self._settled:
            bounds = region.bounds(image.shape[1], image.shape[0], mask_scale=1.0)
            if bounds is None:
                return self._replacement
            x0, y0, x1, y1 = bounds
            self._settled[track] = self._replacement.settled(image[y0:y1, x0:x1])
        return self._settled[track]


def cover(
    image: UInt8Array,
    regions: Sequence[Region],
    replacement: Filter | Sequence[Filter],
    *,
    mask_scale: float = 1.3,
    alpha: UInt8Array | None = None,
    inner: bool = False,
) -> UInt8Array:
    """Return a copy of a picture with regions covered. Pixels outside their bounds are the same.

    Args:
        image: uint8 RGB (H, W, 3).
        regions: Boxes are covered whole, ellipses around them too.
        replacement: What to cover with: all regions, or each of them.
        mask_scale: Size of the ellipses; 1.3 touches the corners of the boxes.
        alpha: The picture's matte if it is known, uint8 (H, W): where it is neither 0 nor 255, the picture is left alone outside
            the boxes, so that hair stays sharp.
        inner: Cover the faces from brow line to chin only, as in the pictures that matting networks are trained on: the outline of
            the head, which they look for, stays.
    """
    covered = image.copy()
    height, width = image.shape[:2]
    filters = replacement if isinstance(replacement, Sequence) else [replacement] * len(regions)
    for region, replaced in zip(regions, filters, strict=True):
        # Brow line to chin lies within the smallest ellipse: no larger part need be blended.
        bounds = region.bounds(width, height, mask_scale=1.0 if inner else mask_scale)
        if bounds is None:
            continue
        x0, y0, x1, y1 = bounds
        weight = region.face_weight(bounds) if inner else region.weight(bounds, mask_scale=mask_scale)
        if alpha is not None:
            part = alpha[y0:y1, x0:x1]
            weight = np.where((part > 0) & (part < 255), region.box_weight(bounds), weight)
        patch = covered[y0:y1, x0:x1]
        blend(patch, replaced(patch, region.side_px), weight)
    return covered


def obfuscate(image: UInt8Array, mask: UInt8Array, *, replacement: Filter = SMEAR) -> UInt8Array:
    """Return a copy of a picture with the faces of a mask replaced, for training on pictures without faces.

    Args:
        image: uint8 RGB (H, W, 3).
        mask: uint8 (H, W), not 0 on faces, as of `face_region_mask`; each connected part is one face.
        replacement: What to replace them with.
    """
    covered = image.copy()
    _, labels, statistics, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8))
    for label, (x, y, width, height, _) in enumerate(statistics[1:].tolist(), start=1):
        side = max(width, height)
        soft = max(1, round(side / 40))
        rows = slice(max(0, y - 2 * soft), y + height + 2 * soft)
        columns = slice(max(0, x - 2 * soft), x + width + 2 * soft)
        part = (labels[rows, columns] == label).astype(np.uint8) * 255
        # Softened outward only: the mask itself is replaced whole.
        weight = np.maximum(part, cv2.blur(part, (2 * soft + 1, 2 * soft + 1)))
        patch = covered[rows, columns]
        blend(patch, replacement(patch, side), weight)
    return covered


def _plain(colour: tuple[int, int, int], patch: UInt8Array) -> UInt8Array:
    """Return one colour in a patch's size. NumPy's broadcasting copies three bytes at a time; enlarging one pixel is faster."""
    plain: UInt8Array = cv2.resize(np.array([[colour]], np.uint8), (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_NEAREST)
    return plain


def mosaic_all(image: UInt8Array) -> UInt8Array:
    """Return a whole picture as a mosaic in which no face can be made out, wherever and however small it is.

    Eight squares lie along the long side: a face that fills the picture keeps no more than two faces' worth of a mosaic.
    """
    return _squares(image, max(image.shape[:2]) / 8)


def blend(below: UInt8Array, above: UInt8Array, weight: UInt8Array) -> None:
    """Lay `above` over `below`, uint8 (h, w, 3), in place, by a weight of 0 to 255, uint8 (h, w); exact at 0 and 255."""
    # In bands that fit into a cache: fresh memory for whole pictures would cost more time than the arithmetic.
    rows = max(1, 32768 // max(1, below.shape[1]))
    for top in range(0, below.shape[0], rows):
        band = slice(top, top + rows)
        share = cv2.merge([weight[band]] * 3)
        shown = cv2.multiply(np.ascontiguousarray(above[band]), share, scale=1 / 255)
        cv2.add(shown, cv2.multiply(below[band], cv2.bitwise_not(share), scale=1 / 255), dst=shown)
        below[band] = shown


def _squares(patch: UInt8Array, cell_px: float) -> UInt8Array:
    squares: UInt8Array = cv2.resize(
        _cells(patch, cell_px, step=32), (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_NEAREST
    )
    return squares


def _cells(patch: UInt8Array, cell_px: float, step: int) -> UInt8Array:
    """Return the mean colours of cells of at least `cell_px`, in coarse steps: uint8 RGB (rows, columns, 3)."""
    height, width = patch.shape[:2]
    size = (max(1, int(width / cell_px)), max(1, int(height / cell_px)))
    # Some hundred pixels of a cell tell its mean well enough.
    every = max(1, int(cell_px // 16))
    means = cv2.resize(patch[::every, ::every], size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], 3)
    colours = cv2.cvtColor(means, cv2.COLOR_RGB2YCrCb).astype(np.int32)
    # Quantised before anything smooths it again: what the steps took away, no sharpening brings back. Chroma is rounded to steps
    # about 128, so that grey stays grey.
    colours[..., 0] = colours[..., 0] // step * step + step // 2
    colours[..., 1:] = (colours[..., 1:] - 128 + step // 4) // (step // 2) * (step // 2) + 128
    coarse: UInt8Array = cv2.cvtColor(np.clip(colours, 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)
    return coarse
