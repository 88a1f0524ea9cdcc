"""The ellipse that covers a face: where it lies, which pixels it takes, and how it keeps still while a detector's box trembles."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.region import Region
from p3mvideo.yuv420 import IntBox

CORE_WIDTH, CORE_HEIGHT = 0.43, 0.5
"""Semi-axes at a mask scale of 1 of what is covered completely, in sides of the face's box, which reaches from the middle of the forehead to
the chin. At the default scale of 1.2 that is brow, chin and ears; most of the hair and the neck stay."""
ANYWHERE = 1.25
"""How much larger the ellipse is in a box twice as long as wide, or longer, to cover a face at its end."""
SOFT = 0.025
"""Half-width of the blur that softens the border, in sides of the box."""
SETTLING_SECONDS = 0.2
"""Time constant with which an ellipse follows what it is told."""
SHIFT, RESIZE, TURN = 0.05, 0.06, 0.08
"""How far it may differ from that at most: in sides of the face, as a fraction of its size, and in radians."""


@dataclass(frozen=True)
class Ellipse:
    """A leaning ellipse with a soft border inside it."""

    x: float
    """Centre in pixels."""
    y: float
    across: float
    """Semi-axes of what is covered completely, in pixels, across and along the face."""
    down: float
    lean: float
    """Angle in radians by which the face leans clockwise."""
    soft_px: int
    """Half-width of the blur of the border. The border lies around the semi-axes above, within `reach_px` more."""

    @classmethod
    def of(cls, region: Region, *, mask_scale: float) -> Ellipse:
        """Return the ellipse that covers a face."""
        x0, y0, x1, y1 = region.box
        sides = x1 - x0, y1 - y0
        # In a box that is not square, as that of two places of one face, the face may lie at either end.
        scale = mask_scale * (1 + (ANYWHERE - 1) * min(1.0, max(sides) / max(min(sides), 1e-6) - 1))
        across, down = CORE_WIDTH * sides[0] * scale, CORE_HEIGHT * sides[1] * scale
        return cls((x0 + x1) / 2, (y0 + y1) / 2, across, down, region.lean, max(1, round(SOFT * region.side_px)))

    @property
    def border_px(self) -> int:
        """How far the soft border reaches beyond what is covered completely."""
        return 3 * self.soft_px + 2

    @property
    def half_border_px(self) -> float:
        """How far beyond what is covered completely less than half of a pixel is covered."""
        return 1.5 * self.soft_px + 1

    def half_size(self, margin_px: float = 0.0) -> tuple[float, float]:
        """Return half the width and height, in pixels, of the upright box around the ellipse, its border and a margin."""
        a, b = self.across + self.border_px + margin_px, self.down + self.border_px + margin_px
        cos, sin = math.cos(self.lean), math.sin(self.lean)
        return math.hypot(a * cos, b * sin), math.hypot(a * sin, b * cos)

    def bounds(self, width: int, height: int, *, margin_px: float = 0.0) -> IntBox | None:
        """Return the smallest box around everything that covering may touch, and a margin, inside an image; None if that is nothing."""
        half_x, half_y = self.half_size(margin_px)
        x0, y0 = max(0, math.floor(self.x - half_x)), max(0, math.floor(self.y - half_y))
        x1, y1 = min(width, math.ceil(self.x + half_x) + 1), min(height, math.ceil(self.y + half_y) + 1)
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def weight(self, bounds: IntBox) -> UInt8Array:
        """Return how much of each pixel inside `bounds` to cover, uint8 (h, w): 255 in the ellipse, falling to 0 within `border_px` around it."""
        x0, y0, x1, y1 = bounds
        soft = self.soft_px
        hard = np.zeros((y1 - y0 + 2 * soft, x1 - x0 + 2 * soft), np.uint8)
        # The square of the blur reaches sqrt(2) times its half-width along a diagonal.
        self.draw(hard, 255, margin_px=self.half_border_px, left=x0 - soft, top=y0 - soft)
        blurred: UInt8Array = cv2.blur(hard, (2 * soft + 1, 2 * soft + 1))
        return blurred[soft:-soft, soft:-soft]

    def draw(self, mask: UInt8Array, value: int, *, margin_px: float, left: float = 0.0, top: float = 0.0, factor: float = 1.0) -> None:
        """Draw the ellipse, grown by a margin, into a mask of a part of the image.

        Args:
            mask: uint8 (h, w), written to.
            value: What to write.
            margin_px: By how many of the image's pixels the semi-axes are grown.
            left: Where in the image the mask begins, in pixels.
            top: Likewise.
            factor: How many of the image's pixels a pixel of the mask measures.
        """
        a, b = (self.across + margin_px) / factor, (self.down + margin_px) / factor
        cos, sin = math.cos(self.lean), math.sin(self.lean)
        # p x^2 + 2 q x y + r y^2 = 1, solved for x in each row. OpenCV's ellipses are polygons, and shift where they are clipped.
        p, q, r = (cos / a) ** 2 + (sin / b) ** 2, cos * sin * (a**-2 - b**-2), (sin / a) ** 2 + (cos / b) ** 2
        y = np.arange(mask.shape[0]) + 0.5 - (self.y - top) / factor
        square = (q * y) ** 2 - p * (r * y**2 - 1)
        half = np.sqrt(np.maximum(square, 0)) / p
        middle = (self.x - left) / factor - 0.5 - q * y / p
        limits = np.ceil(middle - half), np.floor(middle + half)
        # What is counted in 16 bits is compared twice as fast.
        signed, unsigned = ("i2", "u2") if mask.shape[1] < 2**15 else ("i4", "u4")
        first, last = (np.minimum(np.maximum(limit, -1), mask.shape[1]).astype(signed) for limit in limits)
        length = np.where(square >= 0, last - first + 1, 0).astype(unsigned)
        # One comparison for both ends: as unsigned numbers, differences below 0 are large.
        since_first = np.arange(mask.shape[1], dtype=signed) - first[:, None]
        np.copyto(mask, np.uint8(value), where=since_first.view(unsigned) < length[:, None])

    def to_patch(self, left: float, top: float, extent: float, size_px: int) -> npt.NDArray[np.float64]:
        """Return the affine map (2, 3) from a square of `size_px` that leans with the face to pixels of a part of the image.

        Args:
            left: Where the part begins, in pixels of the image.
            top: Likewise.
            extent: How many semi-axes the square measures in each direction.
            size_px: Its side.
        """
        cos, sin = math.cos(self.lean), math.sin(self.lean)
        step = 2 * extent / size_px
        a, b = self.across * step, self.down * step
        linear = np.array(((a * cos, -b * sin), (a * sin, b * cos)))
        middle = (size_px - 1) / 2
        shift = np.array((self.x - left - 0.5, self.y - top - 0.5)) - linear @ np.array((middle, middle))
        return np.hstack([linear, shift[:, None]])


def settled(before: Ellipse, told: Ellipse, passed_seconds: float) -> Ellipse:
    """Return the ellipse of a face after that of an earlier moment.

    It follows slowly while what it is told trembles, and at once where it would differ from that by more than the room it leaves.
    """
    gain = 1 - math.exp(-max(0.0, passed_seconds) / SETTLING_SECONDS)
    side = max(told.across, told.down, 1e-6)
    turn = math.remainder(told.lean - before.lean, 2 * math.pi)

    def follow(difference: float, room: float) -> float:
        """Return by how much of a difference to stay behind."""
        return float(np.clip((1 - gain) * difference, -room, room))

    behind_x, behind_y = follow(told.x - before.x, SHIFT * side), follow(told.y - before.y, SHIFT * side)
    across = math.exp(follow(math.log(max(told.across, 1e-6) / max(before.across, 1e-6)), RESIZE))
    down = math.exp(follow(math.log(max(told.down, 1e-6) / max(before.down, 1e-6)), RESIZE))
    return replace(
        told, x=told.x - behind_x, y=told.y - behind_y, across=told.across / across, down=told.down / down, lean=told.lean - follow(turn, TURN)
    )
