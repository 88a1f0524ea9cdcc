"""What looked like a face, but not enough: it is left open, and a person is told where to look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from heapq import nlargest

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detection import Box, shifted
from p3mvideo.privacy.follow.camera_turn import View
from p3mvideo.privacy.follow.matching import overlap
from p3mvideo.privacy.two_pass.cover_plan import Candidate, PlannedTrack

SAME_SECONDS, SAME_OVERLAP = 1.0, 0.3
"""What is seen again so soon, and shares this part of the smaller box, is one candidate."""
LEAST_SCORE = 0.2
"""What scores less is not worth a look: detectors say as much of any texture."""
MOST = 200
"""Largest number of candidates that a plan lists: those with the highest scores."""


@dataclass
class _Seen:
    """One candidate, as known so far."""

    best: Candidate
    box: Box
    """Where it was seen last."""
    seconds: float
    """When that was."""
    view: View | None
    """The frame in which that was."""


class Candidates:
    """Collects doubtful finds, frame by frame."""

    def __init__(self) -> None:
        self._lately: list[_Seen] = []
        self._before: list[Candidate] = []

    def see(self, frame: int, seconds: float, finds: Iterable[tuple[Box, float]], image: UInt8Array | None = None) -> None:
        """Take the doubtful finds of the next frame.

        Args:
            frame: Its number.
            seconds: Its time.
            finds: Box in pixels and score in [0, 1] of each.
            image: The frame, uint8 RGB (H, W, 3), for what is seen again after the camera turned; None takes it for one that stands still.
        """
        self._before += [seen.best for seen in self._lately if seconds - seen.seconds > SAME_SECONDS]
        self._lately = [seen for seen in self._lately if seconds - seen.seconds <= SAME_SECONDS]
        if len(self._before) > 10 * MOST:
            self._before = nlargest(5 * MOST, self._before, key=_score)
        likely = [(box, score) for box, score in finds if score >= LEAST_SCORE]
        view = View.of(image) if image is not None and likely else None

        @cache
        def shift_from(before: View) -> tuple[float, float]:
            return before.shift_to(view) if view is not None else (0.0, 0.0)

        for box, score in likely:
            seen = self._seen_at(box, shift_from)
            if seen is None:
                self._lately.append(_Seen(Candidate(frame, frame, frame, box, score), box, seconds, view))
                continue
            if score > seen.best.score:
                seen.best = replace(seen.best, frame=frame, box=box, score=score)
            seen.best, seen.box, seen.seconds, seen.view = replace(seen.best, last=frame), box, seconds, view

    def _seen_at(self, box: Box, shift_from: Callable[[View], tuple[float, float]]) -> _Seen | None:
        """Return what was seen lately at a place of the present frame, or where the camera has moved that to."""
        there = [(overlap(seen.box, box), seen) for seen in self._lately]
        if not any(shared > SAME_OVERLAP for shared, _ in there):
            there = [(overlap(shifted(seen.box, *shift_from(seen.view)), box), seen) for seen in self._lately if seen.view is not None]
        shared, seen = max(there, key=lambda pair: pair[0], default=(0.0, None))
        return seen if shared > SAME_OVERLAP else None

    def found(self) -> tuple[Candidate, ...]:
        """Return all."""
        return (*self._before, *(seen.best for seen in self._lately))


def left_open(candidates: Iterable[Candidate], tracks: Sequence[PlannedTrack]) -> tuple[Candidate, ...]:
    """Return those that no track covers, by the frame in which they were seen first; of very many, those with the highest scores."""
    bare = [candidate for candidate in candidates if not any(_is_on(track, candidate) for track in tracks)]
    return tuple(sorted(nlargest(MOST, bare, key=_score), key=lambda candidate: (candidate.first, candidate.box)))


def _score(candidate: Candidate) -> float:
    return candidate.score


def _is_on(track: PlannedTrack, candidate: Candidate) -> bool:
    sighting = track.at(candidate.frame)
    return sighting is not None and overlap(sighting.cover.box, candidate.box) > SAME_OVERLAP
