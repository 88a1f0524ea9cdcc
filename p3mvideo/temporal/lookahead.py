"""Smoothing for files: every matte is weighed against those before it and those after it, so that nothing lags.

A filter that runs forwards and one that runs backwards over the next few frames, joined by their support: Fraser and Potter, "The
optimum linear smoother as a combination of two optimum linear filters", IEEE Transactions on Automatic Control, 1969.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.ops.optical_flow import sample
from p3mvideo.temporal.memory import Memory, Observation, to_matte
from p3mvideo.temporal.moment import Moment, same_kind
from p3mvideo.temporal.motion_match import MotionMatch, compared_size, flow_both_ways, match_by_flow, small_gray
from p3mvideo.temporal.person_window import Box, PersonWindow, extent, window_around

CONTRAST_SHARE = 0.06
"""As in `motion_match`, but larger: what lags behind on one side runs ahead on the other."""


class _Waiting(NamedTuple):
    frame: Frame
    matte: Matte
    """Its own, or the last one before it that the network made."""
    moment: Moment
    image: UInt8Array
    extent: Box | None
    """Where the person is in it, by the last matte that the network made."""
    alpha: Float32Array
    """At the size of the compared images, in the window: that of the matte, or what is expected where there is none."""
    memory: Memory
    """Of this matte and those before."""
    seconds_before: float
    """Time since the frame before; 0 for the first of a scene."""
    from_before: MotionMatch
    """How the image before is explained by this one; not at all for the first of a scene."""
    small: Observation | None
    """The matte at the size of the compared images; None if there is none."""

    def moved(self, former: PersonWindow, window: PersonWindow) -> _Waiting:
        """Return this frame for another window."""
        return self._replace(
            alpha=window.image.moved(self.alpha, former.image),
            memory=self.memory.moved(former, window),
            from_before=self.from_before.moved(former.image, window.image),
            small=None if self.small is None else self.small.moved(former.image, window.image),
        )


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
        self._window: PersonWindow | None = None
        """What all of them are about."""

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
            person = extent(seen.alpha)
            self._window = window_around((person,), image.shape, matte.shape)
            seen = seen.within(self._window)
            memory = Memory.of(seen, self._memory_seconds)
            none = MotionMatch.none(seen.alpha.shape)
            self._waiting.append(_Waiting(frame, matte, moment, image, person, seen.alpha, memory, 0.0, none, seen.shrunk()))
            return finished
        following = self._following(frame, matte, moment, elapsed)
        self._waiting.append(following)
        return [self._finish_oldest()] if len(self._waiting) > self._frames else []

    def _following(self, frame: Frame, matte: Matte | None, moment: Moment, elapsed: float) -> _Waiting:
        last = self._waiting[-1]
        image = small_gray(frame, last.image.shape[::-1])
        seen = None if matte is None else Observation.of(matte, image.shape)
        person = last.extent if seen is None else extent(seen.alpha)
        window = self._moved_to((*(waiting.extent for waiting in self._waiting), person), image.shape, last.matte)
        last = self._waiting[-1]
        now, before = window.image.cut(image), window.image.cut(last.image)
        back, forth = flow_both_ways(now, before)
        match = match_by_flow(now, before, back, forth, contrast_share=CONTRAST_SHARE)
        seen = None if seen is None else seen.within(window)
        alpha = sample(last.alpha, match.places_at(*now.shape[::-1])) if seen is None else seen.alpha
        match = match.along_person(alpha)
        memory = last.memory.carried(match, elapsed, self._memory_seconds)
        if seen is not None:
            memory = memory.weighed(seen, match.trust, elapsed, self._memory_seconds)
        from_before = match_by_flow(before, now, forth, back, contrast_share=CONTRAST_SHARE).along_person(last.alpha)
        small = None if seen is None else seen.shrunk()
        return _Waiting(frame, matte or last.matte, moment, image, person, alpha, memory, elapsed, from_before, small)

    def _moved_to(self, extents: Iterable[Box | None], image: tuple[int, ...], matte: Matte) -> PersonWindow:
        """Return the window for all waiting frames and the next one, after moving there what is known of them."""
        former = self._window
        assert former is not None  # frames wait
        self._window = window = window_around(extents, image, matte.shape)
        if window != former:
            self._waiting = deque(waiting.moved(former, window) for waiting in self._waiting)
        return window

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
        assert self._window is not None
        return oldest.frame, to_matte(memory.mean, self._window.matte, oldest.matte)

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
