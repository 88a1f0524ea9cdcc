"""Covering the faces of an image, and of one image of a stream after another.

Pixels outside the covers are not touched, and what the covers show depends on pixels outside them alone (but for the style that says
otherwise).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from p3mvideo.frame import UInt8Array
from p3mvideo.options.faces import DEFAULT_MASK_SCALE
from p3mvideo.privacy.cover.blend import blend
from p3mvideo.privacy.cover.ellipse import Ellipse, settled
from p3mvideo.privacy.cover.styles import Patch, Style
from p3mvideo.privacy.cover.surroundings import Fill, fill_of, neutral_fill
from p3mvideo.privacy.region import Region
from p3mvideo.yuv420 import IntBox

FORGET_SECONDS = 1.0
"""A face that was not covered for so long begins again."""


class FaceToCover(NamedTuple):
    """One face of one frame."""

    track: int
    """Identifies the same face in neighbouring frames."""
    region: Region


class Covered(NamedTuple):
    """An image whose faces are covered."""

    image: UInt8Array
    """uint8 RGB (H, W, 3), a copy."""
    boxes: tuple[IntBox | None, ...]
    """For each face, the box (x0, y0, x1, y1) in pixels, half open, of what was touched for it; None if that is nothing."""
    places: tuple[tuple[IntBox, UInt8Array], ...]
    """The boxes in which something was touched, and how much of each pixel in them: uint8 (y1 - y0, x1 - x0), 0 where nothing was."""


@dataclass
class _Seen:
    """How a face was covered last."""

    ellipse: Ellipse
    seconds: float
    fill: Fill | None = None


class FaceCovers:
    """Covers the faces of one stream, steadily: of each face it remembers the ellipse and its colours.

    Args:
        style: What faces are covered with.
        mask_scale: Size of the ellipses; 1 is the face itself from brow to chin and between the ears.
    """

    def __init__(self, style: Style, *, mask_scale: float = DEFAULT_MASK_SCALE) -> None:
        self._style = style
        self._mask_scale = mask_scale
        self._seen: dict[tuple[int, int], _Seen] = {}

    def __call__(self, image: UInt8Array, faces: Sequence[FaceToCover], seconds: float) -> Covered:
        """Return the next image of the stream with its faces covered.

        Args:
            image: uint8 RGB (H, W, 3).
            faces: All of its faces. One that is not among them is not known to the others either: they may take on its colours.
            seconds: When it is shown.
        """
        height, width = image.shape[:2]
        self._seen = {key: seen for key, seen in self._seen.items() if 0 <= seconds - seen.seconds <= FORGET_SECONDS}
        known = [self._known(key, face.region, seconds) for key, face in zip(keys_of([face.track for face in faces]), faces, strict=True)]
        ellipses = [seen.ellipse for seen in known]
        boxes = tuple(ellipse.bounds(width, height) for ellipse in ellipses)
        covered, places = image.copy(), []
        for number, (seen, bounds) in enumerate(zip(known, boxes, strict=True)):
            if bounds is None:
                continue
            x0, y0, x1, y1 = bounds
            others = [*ellipses[:number], *ellipses[number + 1 :]]
            surroundings = partial(self._surroundings, image, seen, others, bounds, seconds, seed=_seed(seconds, number))
            patch = Patch(bounds, seen.ellipse, surroundings, image[y0:y1, x0:x1])
            places.append((bounds, seen.ellipse.weight(bounds)))
            blend(covered[y0:y1, x0:x1], self._style(patch), places[-1][1])
        for seen in known:
            seen.seconds = seconds
        return Covered(covered, boxes, tuple(places))

    def _known(self, key: tuple[int, int], region: Region, seconds: float) -> _Seen:
        """Return what is remembered of a face, with where it is now."""
        told = Ellipse.of(region, mask_scale=self._mask_scale)
        before = self._seen.get(key)
        if before is None:
            self._seen[key] = _Seen(told, seconds)
        else:
            before.ellipse = settled(before.ellipse, told, seconds - before.seconds)
        return self._seen[key]

    def _surroundings(self, image: UInt8Array, seen: _Seen, others: Sequence[Ellipse], bounds: IntBox, seconds: float, *, seed: int) -> UInt8Array:
        """Return the patch at `bounds` as the face's surroundings would have it."""
        fill = fill_of(image, seen.ellipse, others)
        if fill is None:
            fill = seen.fill or neutral_fill()
        elif seen.fill is not None:
            fill = fill.after(seen.fill, seconds - seen.seconds)
        seen.fill = fill
        return fill.painted(seen.ellipse, bounds, seed=seed)


def cover(image: UInt8Array, regions: Sequence[Region], style: Style, *, mask_scale: float = DEFAULT_MASK_SCALE) -> UInt8Array:
    """Return a copy of a single image with regions covered, see `FaceCovers`."""
    return FaceCovers(style, mask_scale=mask_scale)(image, [FaceToCover(*face) for face in enumerate(regions)], 0.0).image


def _seed(seconds: float, number: int) -> int:
    """Return a seed for one face of one image: another one in the next image, and the same one whatever images came before."""
    return round(seconds * 90_000) % 2**31 * 1009 + number


def keys_of(tracks: Sequence[int]) -> list[tuple[int, int]]:
    """Return a key for each face of a frame, by their tracks: its track, and how often that was among the faces before it. Where two parts of a
    recording meet, one track may have two faces."""
    return [(track, tracks[:number].count(track)) for number, track in enumerate(tracks)]
