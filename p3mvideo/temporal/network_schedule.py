"""Which frames of a stream the network has to look at.

Neighbouring frames look alike, so a matte can be carried from one to the next by the motion between them, which costs a small part of what
the network does ("Deep Feature Flow for Video Recognition", Zhu et al., CVPR 2017, carries features in this way). How far, the images tell:
carrying goes wrong where they do not explain each other, and the more the faster something moves.
"""

from __future__ import annotations

from math import floor
from typing import Literal, NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.temporal.moment import Moment
from p3mvideo.temporal.motion_match import flow_both_ways, gray_thumbnail, match_by_flow

LONG_SIDE_PX = 128
"""Longer side of the images that are compared: all that is asked is whether they explain each other."""
CONTRAST_SHARE = 0.06
"""As in `lookahead`."""
WINDOW_SHARE = 0.1
"""Side of the neighbourhoods in which what motion does not explain is summed up, in widths of the image."""
UNEXPLAINED, UNEXPLAINED_BETWEEN = 0.25, 0.7
"""Shares of a neighbourhood that motion does not explain from which the network has to look: where mattes are carried from earlier frames
only, and where a look ahead carries them from later ones too."""
STILL_UNEXPLAINED, STILL_PX = 0.05, 0.05
"""Up to these, of a neighbourhood and of the displacement of the fastest hundredth of the pixels, nothing moves."""
AUTO_MOVING, AUTO_STILL = 2, 3
"""Longest distances between two looks of the network, in frames: where something moves, and where nothing does."""


def every_frame(frame: Frame) -> bool:
    """Return True: the network looks at every frame."""
    return True


class _Before(NamedTuple):
    moment: Moment
    second: int
    image: UInt8Array


class NetworkSchedule:
    """Tells for each frame of a stream, in order, whether the network has to look at it, or its matte can be carried from the frame before.

    The first frame of a stream, and the first after a cut, a gap or a change of size, always needs the network. So does the first of each second:
    whoever begins in the middle of a stream comes to the same decisions from the next second on.

    Args:
        every: Longest distance between two looks, in frames; "auto" chooses it by the motion.
        looks_ahead: Whether mattes are carried back from later frames, too.
    """

    def __init__(self, every: int | Literal["auto"], *, looks_ahead: bool = False) -> None:
        self._every = every
        self._unexplained = UNEXPLAINED_BETWEEN if looks_ahead else UNEXPLAINED
        self._before: _Before | None = None
        self._carried = 0
        """Frames since the last look."""
        self._longest = 0
        """How far the next one may be from it, by what has moved since."""

    def __call__(self, frame: Frame) -> bool:
        """Return whether the network has to look at the next frame."""
        now, before = _Before(Moment.of(frame), floor(frame.seconds), gray_thumbnail(frame, LONG_SIDE_PX)), self._before
        self._before = now
        # A scene is what the matte stream takes for one: it cannot carry a matte into another.
        continues = before is not None and before.moment.seconds_until(now.moment) is not None and before.second == now.second
        if before is None or not continues or not self._may_carry(now.image, before.image):
            self._carried, self._longest = 0, AUTO_STILL if self._every == "auto" else self._every
            return True
        self._carried += 1
        return False

    def _may_carry(self, image: UInt8Array, before: UInt8Array) -> bool:
        """Return whether a matte can be carried from the frame before, given as small gray images."""
        match = match_by_flow(image, before, *flow_both_ways(image, before), contrast_share=CONTRAST_SHARE)
        side = max(1, round(WINDOW_SHARE * max(image.shape)))
        unexplained = float(cv2.blur(1 - match.trust, (side, side)).max())
        if self._every == "auto" and not (unexplained <= STILL_UNEXPLAINED and np.percentile(np.abs(match.flow), 99) <= STILL_PX):
            self._longest = AUTO_MOVING
        return unexplained <= self._unexplained and self._carried + 1 < self._longest
