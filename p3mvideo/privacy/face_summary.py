"""What was done about the faces of one input, in a few figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.left_open import Candidate, Dismissal, LeftOpen


@dataclass(frozen=True)
class FaceSummary:
    """What was done about the faces of one input."""

    frames: int
    """How many were searched."""
    faces: int
    """How many faces were followed and covered."""
    weakest_score: float | None = None
    """The smallest score with which one of them was found; None if there is none."""
    weakest_seconds: float | None = None
    """When that was."""
    frames_covered_whole: int = 0
    """Frames that could not be searched and became a mosaic."""
    left_open: tuple[Candidate, ...] = ()
    """What looked like a face and was not covered, the highest scores first; at most 100."""

    @property
    def nothing_covered(self) -> bool:
        """Whether the output shows all that the input shows."""
        return not self.faces and not self.frames_covered_whole

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "frames": self.frames, "faces": self.faces, "nothing_covered": self.nothing_covered,
            "weakest_score": None if self.weakest_score is None else round(self.weakest_score, 3),
            "weakest_seconds": None if self.weakest_seconds is None else round(self.weakest_seconds, 3),
            "frames_covered_whole": self.frames_covered_whole,
            "left_open": [candidate.to_json() for candidate in self.left_open],
        }  # fmt: skip


class FaceRecord:
    """Keeps the figures of a stream while its faces are covered."""

    def __init__(self) -> None:
        self._frames = self._covered_whole = 0
        self._tracks: set[int] = set()
        self._weakest: tuple[float, float] | None = None
        self._left_open = LeftOpen()

    def see(self, seconds: float, faces: Iterable[TrackedFace], dismissals: Iterable[Dismissal]) -> None:
        """Take what is known of a frame."""
        for face in faces:
            self._tracks.add(face.track)
            if face.score is not None and (self._weakest is None or face.score < self._weakest[0]):
                self._weakest = face.score, seconds
        self._left_open.see(self._frames, seconds, dismissals)
        self._frames += 1

    def cover_whole(self) -> None:
        """Take a frame that became a mosaic."""
        self._frames += 1
        self._covered_whole += 1

    def summary(self) -> FaceSummary:
        """Return the figures."""
        score, seconds = self._weakest or (None, None)
        return FaceSummary(self._frames, len(self._tracks), score, seconds, self._covered_whole, self._left_open.candidates())
