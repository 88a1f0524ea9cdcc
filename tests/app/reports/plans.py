"""A small plan with everything that a review shows."""

from __future__ import annotations

from p3mvideo.privacy.follow.tracked_face import Source
from p3mvideo.privacy.two_pass.cover_plan import Candidate, CoverPlan, KeyFrame, PlannedTrack, Uncovered

WIDTH, HEIGHT, FRAMES, RATE = 192, 144, 30, 10
PLAN_ID = "5f0c6a1e9b7d2c34"


def key(frame: int, x: float, source: Source = "found", score: float | None = 0.9) -> KeyFrame:
    return KeyFrame(frame, (x, 40, x + 32, 72), 2, 0.0, source, score if source == "found" else None)


def small_plan(*, frames: int = FRAMES) -> CoverPlan:
    """Return a plan of three seconds: face 1 throughout, face 2 in the middle, one place left open, and nothing in the last frames."""
    first = PlannedTrack(1, ((key(0, 20), key(9, 40, score=0.3), key(10, 40, "held"), key(19, 40, "held"), key(20, 40), key(24, 50)),))
    second = PlannedTrack(2, ((key(5, 120), key(15, 120)),), uncovered=(Uncovered(5, 6, "keep"),))
    candidates = (Candidate(12, 10, 14, (80, 90, 100, 110), 0.41),)
    return CoverPlan(WIDTH, HEIGHT, tuple(n / RATE for n in range(frames)), (first, second), candidates=candidates)
