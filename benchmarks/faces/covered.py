"""What a plan covers of a frame, and whether a face lies in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing

import cv2
import numpy as np

from benchmarks.faces.face_tracks import COVERED, LIMIT_SECONDS
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.privacy.cover.cover import cover
from p3mvideo.privacy.cover.styles import Solid, Style
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.stream_search import Expected, Search
from p3mvideo.privacy.detection import Detection, union
from p3mvideo.privacy.region import face_region_mask
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan
from p3mvideo.privacy.two_pass.first_pass import Survey

PAINT = (255, 0, 255)


def plan_of(frames: Iterable[Frame], searches: tuple[Search, Search]) -> CoverPlan:
    """Return what `anonymize` covers in a clip, or in a photograph, which is a clip of one frame.

    Args:
        frames: The clip.
        searches: As `make_searches` makes them; they stay open.
    """
    with closing(Survey(*map(_Shared, searches), limit_seconds=LIMIT_SECONDS)) as survey:
        for frame in frames:
            survey.see(frame)
        return survey.plan()


class _Shared:
    """A search that stays open when it is closed, so that the next photograph has it, too."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def __call__(self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Expected] = (), thorough: bool = False) -> tuple[Detection, ...]:
        return self._search(image, timestamp_ms=timestamp_ms, expected=expected, thorough=thorough)

    @property
    def dismissed(self) -> Sequence[Detection]:
        return self._search.dismissed

    def close(self) -> None:
        """Do nothing."""


def covered_mask(plan: CoverPlan, number: int, width: int, height: int) -> UInt8Array:
    """Return 1 where a frame is covered past recognition and 0 elsewhere, uint8 (H, W)."""
    blank = np.zeros((height, width, 3), np.uint8)
    return np.asarray((covered_image(blank, plan, number, Solid(PAINT)) == PAINT).all(axis=2), np.uint8)


def covered_image(image: UInt8Array, plan: CoverPlan, number: int, style: Style) -> UInt8Array:
    """Return a frame's pixels (H, W, 3) with everything covered that the plan covers in it."""
    return cover(image, [sighting.cover for sighting in plan.at(number)], style)


def independent_look(detector: FaceDetector, frame: Frame) -> tuple[Detection, ...]:
    """Return what both models find at two scales, in the frame's pixels."""
    image = frame.interleaved()
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return union([*detector(image), *(face.moved(scale=2) for face in detector(half))])


def is_inside(face: Detection, covered: UInt8Array) -> bool:
    """Return whether a face lies where everything is covered."""
    mask = face_region_mask(np.broadcast_to(covered[..., None], (*covered.shape, 3)), [face]) > 0
    return bool(mask.any()) and float(covered[mask].mean()) >= COVERED
