"""Smoothing that follows the motion: steady where the image is steady, at once where it changes."""

from __future__ import annotations

from typing import NamedTuple

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.temporal.memory import Memory, Observation, to_matte
from p3mvideo.temporal.moment import Moment, same_kind
from p3mvideo.temporal.motion_match import compared_size, match_images, small_gray
from p3mvideo.temporal.person_window import Box, PersonWindow, extent, window_around


class _Before(NamedTuple):
    moment: Moment
    matte: Matte
    """The last one that the network made."""
    image: UInt8Array
    extent: Box | None
    """Where the person is in it."""
    window: PersonWindow
    memory: Memory
    """Of what lies in the window."""


class AdaptiveFilter:
    """Brings what it remembers to the present frame by motion and believes it where the frames agree.

    A `MatteStream` that holds nothing back, and a `TemporalFilter`. Where there is no matte of a frame, it is what is remembered.

    Args:
        memory_seconds: Time after which a matte's weight has fallen to 1 / e where nothing changes.
    """

    def __init__(self, memory_seconds: float) -> None:
        if memory_seconds <= 0:
            raise ValueError(f"memory is longer than 0 seconds, got {memory_seconds}")
        self._memory_seconds = memory_seconds
        self._before: _Before | None = None

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """Return the steadied matte. The first one, and the first after a cut, a gap or a change of size, is `matte` itself."""
        return self._steadied(frame, matte)

    def push(self, frame: Frame, matte: Matte | None) -> list[tuple[Frame, Matte]]:
        """Return the frame with its steadied matte.

        Raises:
            ValueError: The first frame of a scene has no matte.
        """
        return [(frame, self._steadied(frame, matte))]

    def flush(self) -> list[tuple[Frame, Matte]]:
        """Return nothing, and forget all history."""
        self.reset()
        return []

    def reset(self) -> None:
        """Forget all history."""
        self._before = None

    def _steadied(self, frame: Frame, matte: Matte | None) -> Matte:
        moment, before = Moment.of(frame), self._before
        elapsed = None if before is None else before.moment.seconds_until(moment)
        if before is None or elapsed is None or not (matte is None or same_kind(matte, before.matte)):
            if matte is None:
                raise ValueError("the first frame of a scene needs a matte")
            image = small_gray(frame, compared_size(matte))
            first = Observation.of(matte, image.shape)
            person = extent(first.alpha)
            window = window_around((person,), image.shape, matte.shape)
            memory, steady = Memory.of(first.within(window), self._memory_seconds), matte
        else:
            image = small_gray(frame, before.image.shape[::-1])
            seen = None if matte is None else Observation.of(matte, image.shape)
            person = before.extent if seen is None else extent(seen.alpha)
            matte = matte or before.matte
            window = window_around((person, before.extent), image.shape, matte.shape)
            match = match_images(window.image.cut(image), window.image.cut(before.image))
            memory = before.memory.moved(before.window, window).carried(match, elapsed, self._memory_seconds)
            if seen is not None:
                memory = memory.weighed(seen.within(window), match.trust, elapsed, self._memory_seconds)
            steady = to_matte(memory.mean, window.matte, matte)
        self._before = _Before(moment, matte, image, person, window, memory)
        return steady
