"""What was done about the faces of one input, in a few figures."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from p3mvideo.privacy.detection import Box
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.two_pass.candidates import Candidates
from p3mvideo.privacy.two_pass.candidates import left_open as not_covered
from p3mvideo.privacy.two_pass.cover_plan import Candidate, CoverPlan


class LeftOpen(NamedTuple):
    """A place that looked like a face and was not covered."""

    score: float
    """The detector's confidence in [0, 1] where it looked most like one."""
    seconds: float
    """When that was."""
    box: Box
    """Where that was: (x0, y0, x1, y1) in pixels."""


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
    left_open_by_hand: int = 0
    """Faces that a person decided to leave open, or that are none."""
    left_open: tuple[LeftOpen, ...] = ()
    """What looked like a face and was not covered, the highest scores first; at most 200."""

    @property
    def none_found(self) -> bool:
        """Whether no face was found, so that the output shows all that the input shows."""
        return not self.faces and not self.left_open_by_hand and not self.frames_covered_whole

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "frames": self.frames, "faces": self.faces, "left_open_by_hand": self.left_open_by_hand, "none_found": self.none_found,
            "weakest_score": None if self.weakest_score is None else round(self.weakest_score, 3),
            "weakest_seconds": None if self.weakest_seconds is None else round(self.weakest_seconds, 3),
            "frames_covered_whole": self.frames_covered_whole,
            "left_open": [{**place._asdict(), "box": list(place.box)} for place in self.left_open],
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FaceSummary:
        """Return the summary that `to_json` wrote."""
        left_open = tuple(LeftOpen(place["score"], place["seconds"], tuple(place["box"])) for place in values["left_open"])
        named = ("frames", "faces", "weakest_score", "weakest_seconds", "frames_covered_whole", "left_open_by_hand")
        return cls(**{name: values[name] for name in named}, left_open=left_open)


def summary_of(plan: CoverPlan) -> FaceSummary:
    """Return a plan in a few figures."""
    covered = [track for track in plan.tracks if any(track.is_covered(frame) for _, run in track.runs() for frame in range(run.first, run.last + 1))]
    weakest = [(key.score or 0.0, plan.seconds[key.frame]) for track in covered if (key := track.weakest()) is not None]
    score, seconds = min(weakest, default=(None, None))
    hidden = len(plan.unexamined - plan.shown)
    by_hand = len(plan.tracks) - len(covered)
    bare = not_covered(plan.candidates, covered)  # a person may have added covers since they were left open
    return FaceSummary(len(plan.seconds), len(covered), score, seconds, hidden, by_hand, _left_open(bare, plan.seconds))


def _left_open(candidates: Iterable[Candidate], seconds: Sequence[float]) -> tuple[LeftOpen, ...]:
    places = (LeftOpen(candidate.score, seconds[candidate.frame], candidate.box) for candidate in candidates)
    return tuple(sorted(places, key=lambda place: -place.score))


class FaceFigures:
    """Keeps the figures of a stream while its faces are covered."""

    def __init__(self) -> None:
        self._seconds = array("d")
        self._covered_whole = 0
        self._tracks: set[int] = set()
        self._weakest: tuple[float, float] | None = None
        self._candidates = Candidates()

    def see(self, seconds: float, faces: Iterable[TrackedFace], dismissed: Iterable[tuple[Box, float]]) -> None:
        """Take what is known of a frame: the faces that are covered, and box and score of what looked like one and was not believed."""
        for face in faces:
            self._tracks.add(face.track)
            if face.score is not None and (self._weakest is None or face.score < self._weakest[0]):
                self._weakest = face.score, seconds
        self._candidates.see(len(self._seconds), seconds, dismissed)
        self._seconds.append(seconds)

    def cover_whole(self, seconds: float) -> None:
        """Take a frame that became a mosaic."""
        self._seconds.append(seconds)
        self._covered_whole += 1

    def summary(self) -> FaceSummary:
        """Return the figures."""
        score, seconds = self._weakest or (None, None)
        left_open = _left_open(not_covered(self._candidates.found(), ()), self._seconds)
        return FaceSummary(len(self._seconds), len(self._tracks), score, seconds, self._covered_whole, left_open=left_open)
