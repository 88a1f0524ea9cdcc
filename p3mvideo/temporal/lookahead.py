"""Smoothing for files: every matte is weighed against those before it and those after it, so that nothing lags.

A filter that runs forwards and one that runs backwards over the next few frames, joined by their support: Fraser and Potter, "The
optimum linear smoother as a combination of two optimum linear filters", IEEE Transactions on Automatic Control, 1969.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import NamedTuple

from p3mvideo.frame import Float32Array, Frame, Matte, UInt8Array
from p3mvideo.temporal.memory import Memory, Observation, to_matte
from p3mvideo.temporal.moment import Moment
from p3mvideo.temporal.motion_match import MotionMatch, flow_both_ways, match_by_flow, small_gray

CONTRAST_SHARE = 0.06
"""As in `motion_match`, but larger: what lags behind on one side runs ahead on the other."""


class _Waiting(NamedTuple):
    frame: Frame
    matte: Matte
    moment: Moment
    image: UInt8Array
    seen: Observation
    memory: Memory
    """Of this matte and those before."""
    seconds_before: float
    """Time since the frame before; 0 for the first of a scene."""
    from_before: MotionMatch
    """How the image before is explained by this one; not at all for the first of a scene."""
    small: Observation
    """The matte at the size of the compared images."""


class Lookahead:
    """A `MatteStream` that smooths like `AdaptiveFilter`, but in both directions of time.

    Args:
        memory_seconds: Time after which a matte's weight has fallen to 1 / e where nothing changes, before and after.
        frames: How many frames after the present one to look at.
    """

    def __init__(self, memory_seconds: float, *, frames: int = 3) -> None:
        if memory_seconds <= 0:
            raise ValueError(f"memory is longer than 0 seconds, got {memory_seconds}")
        if frames < 1:
            raise ValueError(f"looking ahead takes at least 1 frame, got {frames}")
        self._memory_seconds = memory_seconds
        self._frames = frames
        self._waiting: deque[_Waiting] = deque()

    def push(self, frame: Frame, matte: Matte) -> list[tuple[Frame, Matte]]:
        """Take the next frame and its matte; return the pairs that are finished: none, one, or all before a break."""
        moment = Moment.of(frame, matte)
        image = small_gray(frame, matte)
        seen = Observation.of(matte, image.shape)
        last = self._waiting[-1] if self._waiting else None
        elapsed = None if last is None else last.moment.seconds_until(moment)
        if last is None or elapsed is None:
            finished = self.flush()
            memory = Memory.of(seen, self._memory_seconds)
            self._waiting.append(_Waiting(frame, matte, moment, image, seen, memory, 0.0, MotionMatch.none(image.shape), seen.shrunk()))
            return finished
        back, forth = flow_both_ways(image, last.image)
        match = _match(image, last.image, back, forth, seen)
        memory = last.memory.carried(match, elapsed, self._memory_seconds).weighed(seen, match.trust, elapsed, self._memory_seconds)
        from_before = _match(last.image, image, forth, back, last.seen)
        self._waiting.append(_Waiting(frame, matte, moment, image, seen, memory, elapsed, from_before, seen.shrunk()))
        return [self._finish_oldest()] if len(self._waiting) > self._frames else []

    def flush(self) -> list[tuple[Frame, Matte]]:
        """Return what is still held back, oldest first, and forget all history."""
        return [self._finish_oldest() for _ in range(len(self._waiting))]

    def _finish_oldest(self) -> tuple[Frame, Matte]:
        oldest = self._waiting.popleft()
        memory, future = oldest.memory, self._future()
        if future is not None:
            following = self._waiting[0]
            memory = memory.joined(self._carried_back(future, following).corrected(oldest.small, following.from_before.trust))
        return oldest.frame, to_matte(memory.mean, oldest.matte)

    def _future(self) -> Memory | None:
        """Return the memory of all waiting mattes, the latest first, at the earliest of them; None if nothing waits.

        It is that of small mattes: it has to be found again for every frame, and fine detail comes from the mattes before.
        """
        if not self._waiting:
            return None
        latest = self._waiting[-1]
        memory = Memory.of(latest.small, self._memory_seconds)
        for earlier, later in reversed(list(pairwise(self._waiting))):
            carried = self._carried_back(memory, later)
            memory = carried.weighed(earlier.small, later.from_before.trust, later.seconds_before, self._memory_seconds)
        return memory

    def _carried_back(self, memory: Memory, later: _Waiting) -> Memory:
        """Return what is left of a memory at `later`, carried to the frame before."""
        return memory.carried(later.from_before, later.seconds_before, self._memory_seconds)


def _match(present: UInt8Array, other: UInt8Array, there: Float32Array, back: Float32Array, seen: Observation) -> MotionMatch:
    match = match_by_flow(present, other, there, back, contrast_share=CONTRAST_SHARE)
    return match.along_person(seen.alpha)
