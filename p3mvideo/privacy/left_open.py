"""What looked like a face and was not covered, for a person to judge: one candidate for each place, however often it was seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import Any, Literal, NamedTuple

from p3mvideo.privacy.detection import Box, Detection
from p3mvideo.privacy.follow.matching import overlap

Reason = Literal["below threshold", "one detector only", "too brief"]
"""Why it was left open: its score, looked at closely, is below the threshold; the second detector sees nothing there; it was not seen for
as long as a face of a recording is."""
LEAST_SCORE = 0.2
"""What scores less is not worth a look: detectors say as much of any texture."""
SAME_PLACE, SAME_SECONDS = 0.3, 1.0
"""What shares this part of the smaller box, no longer than this after it was last seen, is one candidate."""
KEPT = 100
"""Candidates that are kept of a recording, those with the highest scores."""


class Dismissal(NamedTuple):
    """A find of one frame that was not believed."""

    face: Detection
    reason: Reason


@dataclass(frozen=True)
class Candidate:
    """A place that looks like a face and was left open."""

    box: Box
    """(x0, y0, x1, y1) in pixels, where it looks most like a face."""
    score: float
    """The detector's confidence there, in [0, 1]."""
    reason: Reason
    frame: int
    """The number of that frame."""
    seconds: float
    """Its time."""
    first_seconds: float
    last_seconds: float
    finds: int = 1
    """In how many frames it was seen."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        times = {name: round(getattr(self, name), 3) for name in ("seconds", "first_seconds", "last_seconds")}
        box = [round(value, 1) for value in self.box]
        return {"box": box, "score": round(self.score, 3), "reason": self.reason, "frame": self.frame, **times, "finds": self.finds}


class LeftOpen:
    """Collects the candidates of a recording or stream. Its memory is bounded."""

    def __init__(self) -> None:
        self._recent: list[Candidate] = []
        self._kept: list[Candidate] = []

    def see(self, frame: int, seconds: float, dismissals: Iterable[Dismissal]) -> None:
        """Take what was not believed in a frame."""
        old = [one for one in self._recent if not 0 <= seconds - one.last_seconds <= SAME_SECONDS]
        if old:
            self._recent = [one for one in self._recent if one not in old]
            self._kept = nlargest(KEPT, [*self._kept, *old], key=_score)
        for face, reason in dismissals:
            if face.score < LEAST_SCORE:
                continue
            found = Candidate(face.box, face.score, reason, frame, seconds, seconds, seconds)
            place = next((i for i, one in enumerate(self._recent) if overlap(one.box, face.box) > SAME_PLACE), None)
            if place is None:
                self._recent.append(found)
                continue
            known = self._recent[place]
            best = max(known, found, key=_score)
            self._recent[place] = replace(best, first_seconds=known.first_seconds, last_seconds=seconds, finds=known.finds + 1)

    def candidates(self, *more: Candidate) -> tuple[Candidate, ...]:
        """Return what was collected, and `more`, the highest scores first."""
        return tuple(nlargest(KEPT, [*self._kept, *self._recent, *more], key=_score))


def _score(candidate: Candidate) -> float:
    return candidate.score
