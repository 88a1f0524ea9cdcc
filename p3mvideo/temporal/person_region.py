"""Which part of each frame of a stream the network has to look at.

What the network costs goes with the pixels that it sees, and most frames show one person and much room. As long as nothing changes in the rest of
the frame, it is enough to look at the part where the person is.
"""

from __future__ import annotations

from collections import deque
from math import ceil, floor
from typing import Final, NamedTuple

import cv2
import numpy as np

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.ops.working_size import STRIDE
from p3mvideo.temporal.moment import Moment
from p3mvideo.temporal.motion_match import gray_thumbnail

PERIOD_SECONDS: Final = 2
"""How long a part is kept. Each period begins with a whole frame, at multiples of this time: so whoever begins in the middle of a stream comes to the
same parts from the second of them on."""
SHARES: Final = (0.5, 0.75)
"""How long a part may be, in lengths of the frame's longer side: few, because runtimes compile the network for each size."""
STEP_PX: Final = 8
"""Parts begin at multiples of this, at working size."""
PERSON_ALPHA: Final = 0.1
"""From which alpha on a pixel belongs to the person's extent."""
MARGIN_SHARE: Final = 0.06
"""What is seen on both sides of the person, in lengths of the frame's longer side."""
GUARD_SHARE: Final = 0.02
"""How near the person may come to the end of a part, likewise."""
THUMBNAIL_PX: Final = 64
"""Longer side of the images in which changes are looked for."""
SHAKE: Final = np.ones((3, 3), np.uint8)
"""What is seen next to a pixel of them may be seen there next: a hand that holds the camera moves it by some pixels of the frame."""
CHANGE_LEVELS: Final = 6
"""By how many gray levels of 255 a pixel of them has to change to count: noise and compression change the mean of some hundred pixels by less."""


class Part(NamedTuple):
    """Columns of a frame that is wider than high, rows of another one, at the network's working size."""

    start: int
    """The first one."""
    length: int
    """How many, a multiple of the network's stride."""
    whole: int
    """How many the whole frame has."""
    axis: int
    """That of (3, H, W) along which they lie: 2 for columns, 1 for rows."""


class _Extent(NamedTuple):
    """From where to where a person reaches along the longer side."""

    start: int
    end: int
    whole: int
    axis: int


class PersonRegion:
    """Tells for each frame that the network looks at, in order, which part of it is enough.

    A part is chosen by the first matte of a period; until that is known, the former one holds. The network sees that part until something changes
    in the rest of the frame or the person comes near an end of the part: then it sees whole frames for the rest of the period. What comes in from
    the side is seen in the same frame.

    Args:
        lag: How many frames after a frame its matte is known at the latest: those that the network takes at a time.
    """

    def __init__(self, lag: int = 1) -> None:
        if lag < 1:
            raise ValueError(f"a matte is known one frame later at the earliest, got {lag}")
        self._lag = lag
        self._moment: Moment | None = None
        self._asked = self._learned = self._first = 0
        """Numbers of frames: of the next one, of the next matte, of the first one of the period."""
        self._extents: deque[_Extent | None] = deque()
        """Of the mattes that were not looked at yet."""
        self._reference: UInt8Array | None = None
        self._part: Part | None = None
        self._is_chosen = False
        """Whether the period's own part is known; until then a change makes a frame whole and says nothing about the rest."""
        self._is_over = False
        """Whether the rest of the period needs whole frames."""

    def part(self, frame: Frame) -> Part | None:
        """Return the part of the next frame that the network has to look at; None is all of it."""
        now, before = Moment.of(frame), self._moment
        self._moment = now
        self._heed_mattes()
        number = self._asked
        self._asked += 1
        goes_on = before is not None and before.seconds_until(now) is not None
        if before is None or self._reference is None or not goes_on or _period(before) != _period(now):
            if not goes_on or self._is_over or not self._is_chosen:
                self._part = None
            self._first, self._reference, self._is_chosen, self._is_over = number, _thumbnail(frame), False, False
            return None
        if self._part is None or self._is_over:
            return None
        if _changes_outside(self._part, _thumbnail(frame), self._reference):
            self._is_over = self._is_chosen
            return None
        return self._part

    def learn(self, frame: Frame, matte: Matte) -> None:
        """Take the matte, at working size, of the next frame that was looked at: of the whole frame, with nothing where it was not."""
        self._extents.append(_extent(matte, _long_axis(frame)))

    def _heed_mattes(self) -> None:
        """Choose the part, and see whether it is still enough, by the mattes that are known by now whatever the batches."""
        while self._learned <= self._asked - self._lag and self._extents:
            extent, number = self._extents.popleft(), self._learned
            self._learned += 1
            if number < self._first or self._is_over:
                continue  # a former period's, or too late
            if number == self._first:
                self._part, self._is_chosen = _part_around(extent), True
                self._is_over = self._part is None
            elif extent is not None and self._part is not None and not _holds(self._part, extent):
                self._is_over = True


def _period(moment: Moment) -> int:
    return floor(moment.seconds / PERIOD_SECONDS)


def _thumbnail(frame: Frame) -> UInt8Array:
    gray = gray_thumbnail(frame, THUMBNAIL_PX)
    return gray if _long_axis(frame) == 2 else gray.T  # so that its columns lie along the longer side


def _long_axis(frame: Frame) -> int:
    return 2 if frame.width >= frame.height else 1


def _extent(matte: Matte, axis: int) -> _Extent | None:
    """Return where the person is along an axis; None if there is none."""
    places = np.flatnonzero(matte.alpha_array().max(2 - axis) > PERSON_ALPHA)
    return _Extent(int(places[0]), int(places[-1]) + 1, matte.shape[axis - 1], axis) if places.size else None


def _part_around(extent: _Extent | None) -> Part | None:
    """Return the shortest part that holds a person; None if that is the whole frame, or there is no one."""
    if extent is None:
        return None
    start, end, whole, axis = extent
    margin = MARGIN_SHARE * whole
    start, end = max(0, floor(start - margin)), min(whole, ceil(end + margin))
    for share in SHARES:
        length = ceil(share * whole / STRIDE) * STRIDE
        # A part that begins at a step before the person may end a step too early.
        if end - start + STEP_PX <= length < whole:
            return Part(min(max(0, (start + end - length) // 2 // STEP_PX * STEP_PX), whole - length), length, whole, axis)
    return None


def _holds(part: Part, extent: _Extent) -> bool:
    """Return whether a person is clear of the ends of a part that are not ends of the frame."""
    guard = GUARD_SHARE * part.whole
    end = part.start + part.length
    return (part.start == 0 or extent.start >= part.start + guard) and (end == part.whole or extent.end <= end - guard)


def _changes_outside(part: Part, image: UInt8Array, reference: UInt8Array) -> bool:
    """Return whether two thumbnails differ outside a part, by more than another exposure and a hand that is not quite steady explain."""
    scale = image.shape[1] / part.whole
    outside = np.r_[: ceil(part.start * scale), floor((part.start + part.length) * scale) : image.shape[1]]
    now, before = (one[:, outside] for one in (image, reference))
    exposure = max(1.0, float(np.median(before))) / max(1.0, float(np.median(now)))
    darkest, brightest = (np.asarray(extreme(reference, SHAKE))[:, outside] for extreme in (cv2.erode, cv2.dilate))
    levels = now * np.float32(exposure)
    return bool(((levels < darkest - np.float32(CHANGE_LEVELS)) | (levels > brightest + np.float32(CHANGE_LEVELS))).any())
