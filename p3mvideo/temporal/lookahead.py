"""Smoothing for files: every matte is weighed against those before it and those after it, so that nothing lags.

A filter that runs forwards and one that runs backwards over the next few frames, joined by their support: Fraser and Potter, "The
optimum linear smoother as a combination of two optimum linear filters", IEEE Transactions on Automatic Control, 1969.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from p3mvideo.frame import Float32Array, Frame, Matte, UInt8Array
from p3mvideo.ops.optical_flow import sample
from p3mvideo.temporal.memory import Memory, Observation, to_matte
from p3mvideo.temporal.moment import Moment, same_kind
from p3mvideo.temporal.motion_match import MotionMatch, compared_size, flow_both_ways, match_by_flow, small_gray

CONTRAST_SHARE = 0.06
"""As in `motion_match`, but larger: what lags behind on one side runs ahead on the other."""


class _Waiting(NamedTuple):
    frame: Frame
    matte: Matte
    """Its own, or the last one before it that the network made."""
    moment: Moment
    image: UInt8Array
    alpha: Float32Array
    """At the size of the compared images: that of the matte, or what is expected where there is none."""
    memory: Memory
    """Of this matte and those before."""
    seconds_before: float
    """Time since the frame before; 0 for the first of a scene."""
    from_before: MotionMatch
    """How the image before is explained by this one; not at all for the first of a scene."""
    small: Observation | None
    """The matte at the size of the compared images; None if there is none."""


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

    def push(self, frame: Frame, matte: Matte | None) -> list[tuple[Frame, Matte]]:
        """Take the next frame and its matte, if it has one; return the pairs that are finished: none, one, or all before a break.

        Raises:
            ValueError: The first frame of a scene has no matte.
        """
        moment = Moment.of(frame)
        last = self._waiting[-1] if self._waiting else None
        elapsed = None if last is None else last.moment.seconds_until(moment)
        if last is None or elapsed is None or not (matte is None or same_kind(matte, last.matte)):
            if matte is None:
                raise ValueError("the first frame of a scene needs a matte")
            finished = self.flush()
            image = small_gray(frame, compared_size(matte))
            seen = Observation.of(matte, image.shape)
            memory = Memory.of(seen, self._memory_seconds)
            none = MotionMatch.none(image.shape)
            self._waiting.append(_Waiting(frame, matte, moment, image, seen.alpha, memory, 0.0, none, seen.shrunk()))
            return finished
        self._waiting.append(self._following(last, frame, matte, moment, elapsed))
        return [self._finish_oldest()] if len(self._waiting) > self._frames else []

    def _following(self, last: _Waiting, frame: Frame, matte: Matte | None, moment: Moment, elapsed: float) -> _Waiting:
        image = small_gray(frame, last.image.shape[::-1])
        back, forth = flow_both_ways(image, last.image)
        match = match_by_flow(image, last.image, back, forth, contrast_share=CONTRAST_SHARE)
        seen = None if matte is None else Observation.of(matte, image.shape)
        alpha = sample(last.alpha, match.places_at(*image.shape[::-1])) if seen is None else seen.alpha
        match = match.along_person(alpha)
        memory = last.memory.carried(match, elapsed, self._memory_seconds)
        if seen is not None:
            memory = memory.weighed(seen, match.trust, elapsed, self._memory_seconds)
        from_before = match_by_flow(last.image, image, forth, back, contrast_share=CONTRAST_SHARE).along_person(last.alpha)
        small = None if seen is None else seen.shrunk()
        return _Waiting(frame, matte or last.matte, moment, image, alpha, memory, elapsed, from_before, small)

    def flush(self) -> list[tuple[Frame, Matte]]:
        """Return what is still held back, oldest first, and forget all history."""
        return [self._finish_oldest() for _ in range(len(self._waiting))]

    def _finish_oldest(self) -> tuple[Frame, Matte]:
        oldest = self._waiting.popleft()
        memory, future = oldest.memory, self._future()
        if future is not None:
            following = self._waiting[0]
            future = self._carried_back(future, following)
            memory = memory.joined(future if oldest.small is None else future.corrected(oldest.small, following.from_before.trust))
        return oldest.frame, to_matte(memory.mean, oldest.matte)

    def _future(self) -> Memory | None:
        """Return the memory of all waiting mattes, the latest first, at the earliest frame that waits; None if no matte does.

        It is that of small mattes: it has to be found again for every frame, and fine detail comes from the mattes before.
        """
        memory: Memory | None = None
        for index in reversed(range(len(self._waiting))):
            waiting = self._waiting[index]
            if memory is None:
                memory = None if waiting.small is None else Memory.of(waiting.small, self._memory_seconds)
                continue
            later = self._waiting[index + 1]
            memory = self._carried_back(memory, later)
            if waiting.small is not None:
                memory = memory.weighed(waiting.small, later.from_before.trust, later.seconds_before, self._memory_seconds)
        return memory

    def _carried_back(self, memory: Memory, later: _Waiting) -> Memory:
        """Return what is left of a memory at `later`, carried to the frame before."""
        return memory.carried(later.from_before, later.seconds_before, self._memory_seconds)
