"""Smoothing that follows the motion: steady where the image is steady, at once where it changes."""

from __future__ import annotations

from typing import NamedTuple

from p3mvideo.frame import Frame, Matte, UInt8Array
from p3mvideo.temporal.memory import Memory, Observation, to_matte
from p3mvideo.temporal.moment import Moment
from p3mvideo.temporal.motion_match import match_images, small_gray


class _Before(NamedTuple):
    moment: Moment
    image: UInt8Array
    memory: Memory


class AdaptiveFilter:
    """A `TemporalFilter` that brings what it remembers to the present frame by motion and believes it where the frames agree.

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
        moment = Moment.of(frame, matte)
        image = small_gray(frame, matte)
        seen = Observation.of(matte, image.shape)
        elapsed = None if self._before is None else self._before.moment.seconds_until(moment)
        if self._before is None or elapsed is None:
            memory, steady = Memory.of(seen, self._memory_seconds), matte
        else:
            match = match_images(image, self._before.image)
            carried = self._before.memory.carried(match, elapsed, self._memory_seconds)
            memory = carried.weighed(seen, match.trust, elapsed, self._memory_seconds)
            steady = to_matte(memory.mean, matte)
        self._before = _Before(moment, image, memory)
        return steady

    def reset(self) -> None:
        """Forget all history."""
        self._before = None
