"""The part of a stream's mattes that smoothing works on: around the person. Outside there is nothing to smooth."""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd, lcm
from typing import Final, NamedTuple, TypeVar

import numpy as np

from p3mvideo.frame import Float32Array

FAINT: Final = 0.02
"""Up to this alpha nothing of a person is seen; outside the window it becomes 0."""
MARGIN_PX: Final = 12
"""What belongs to the window on each side of the person, in pixels of the compared images: further nothing is followed to."""
STEP_PX: Final = 16
"""Windows begin and end at multiples of this, likewise, so that they stay while a person hardly moves. They depend on the latest frames alone: who
begins in the middle of a stream comes to the same ones."""
WHOLE_SHARE: Final = 0.8
"""A window that would be larger than this share of the image is all of it."""

Array = TypeVar("Array", bound=np.ndarray)


class Box(NamedTuple):
    """Rows and columns of an image, half open."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """Number of pixels."""
        return (self.bottom - self.top) * (self.right - self.left)

    def cut(self, image: Array) -> Array:
        """Return this part of an image (H, W, ...), a view."""
        return image[self.top : self.bottom, self.left : self.right]  # type: ignore[return-value]

    def moved(self, part: Float32Array, former: Box, rest: float | Float32Array = 0.0) -> Float32Array:
        """Return this part of an image of which another one is known; all else is `rest`."""
        if self == former:
            return part
        moved = np.full((self.bottom - self.top, self.right - self.left, *part.shape[2:]), rest, np.float32)
        both = Box(max(self.top, former.top), min(self.bottom, former.bottom), max(self.left, former.left), min(self.right, former.right))
        both._from(self).cut(moved)[...] = both._from(former).cut(part)
        return moved

    def _from(self, other: Box) -> Box:
        """Return this part as it lies in another one; empty if both have nothing in common."""
        top, left = self.top - other.top, self.left - other.left
        return Box(top, max(top, self.bottom - other.top), left, max(left, self.right - other.left))


class PersonWindow(NamedTuple):
    """One part at two sizes."""

    image: Box
    """Of the compared images."""
    matte: Box
    """Of the mattes."""


def extent(alpha: Float32Array, above: float = FAINT) -> Box | None:
    """Return where alpha (h, w) is above a value, by default where a person is; None if it is nowhere."""
    rows, columns = (np.flatnonzero(alpha.max(axis) > above) for axis in (1, 0))
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1) if rows.size else None


def window_around(extents: Iterable[Box | None], image: tuple[int, ...], matte: tuple[int, ...]) -> PersonWindow:
    """Return a window that holds a person in several images.

    Args:
        extents: Where they are.
        image: Shape (h, w) of the compared images.
        matte: That of the mattes (H, W).
    """
    known = [box for box in extents if box is not None]
    whole = PersonWindow(Box(0, image[0], 0, image[1]), Box(0, matte[0], 0, matte[1]))
    if not known:
        return whole
    person = Box(min(box.top for box in known), max(box.bottom for box in known), min(box.left for box in known), max(box.right for box in known))
    top, bottom, matte_top, matte_bottom = _interval(person.top, person.bottom, image[0], matte[0])
    left, right, matte_left, matte_right = _interval(person.left, person.right, image[1], matte[1])
    around = PersonWindow(Box(top, bottom, left, right), Box(matte_top, matte_bottom, matte_left, matte_right))
    return whole if around.image.area > WHOLE_SHARE * whole.image.area else around


def _interval(start: int, end: int, small: int, large: int) -> tuple[int, int, int, int]:
    """Return from where to where a window reaches along one axis, in small pixels and in large ones, where pixels of both begin."""
    step = lcm(STEP_PX, small // gcd(small, large))
    start, end = max(0, start - MARGIN_PX) // step * step, min(small, -(-(end + MARGIN_PX) // step) * step)
    return start, end, start * large // small, end * large // small
