"""Which part of each frame of a stream is searched with which model, so that little time finds every face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.crop import View, halved, mirrored
from p3mvideo.privacy.detect.detector import INPUT_PX, FaceDetector, tiles
from p3mvideo.privacy.detect.face_models import ModelName
from p3mvideo.privacy.detection import Detection, area, intersection, iou, union
from p3mvideo.privacy.follow.tracker import match
from p3mvideo.privacy.region import Region

WHOLE_PX = 256
"""A frame is halved while its long side stays above this before both models look at the whole of it."""
INSIDE = 0.4
"""Part of a face's box that must lie inside the frame. Half a face that a mirror completes has its middle on the border."""
CLOSE_UP_SIDES = 3.0
"""How much of a frame a closer look at one face takes in, in sides of the face."""
WEAK = 0.6
"""A face that is followed already is believed at this part of the threshold; a new one is looked at more closely from there on."""
SURE = 0.8
"""A new face with this score is believed at sight."""
SEEN_TWICE = 1.1
"""A wary search believes a new face whose score and that of the best closer look reach so many thresholds in the mean."""
DISMISSED_FRAMES = 5
"""For so many frames, what turned out to be no face is not looked at again unless it looks more like one."""


class Search(Protocol):
    """Finds the faces of one frame after another."""

    def __call__(
        self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Region] = (), thorough: bool = False
    ) -> tuple[Detection, ...]:
        """Return the faces of the next frame.

        Args:
            image: uint8 RGB (H, W, 3).
            timestamp_ms: The frame's time.
            expected: Where faces are known to be.
            thorough: Search everything for faces of every size, whatever it takes: as at the beginning of a scene.
        """
        ...

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        ...


class _Dismissed(NamedTuple):
    """What turned out to be no face."""

    face: Detection
    until_frame: int
    """The first frame in which to look at it again."""


class StreamSearch:
    """Both models over each whole frame where no face is known; where one is, the full-range model over every other frame, the
    short-range one over the frames between. Every other time, one of the tiles that small faces need is looked at too.
    A closer look is taken wherever a face is expected or suspected.

    Args:
        detector: With a confidence of `WEAK * thresh` or lower.
        thresh: The score from which a new face is believed.
        min_face_px: Height of the smallest face to look for; None: 24, or an eightieth of the frame's long side if that is more.
        wary: Rather take a hand or a shoe for a face than miss one. Small faces in profile and in the shade are seen by one model of
            two only, as such things are.
    """

    def __init__(self, detector: FaceDetector, *, thresh: float, min_face_px: int | None = None, wary: bool = False) -> None:
        self._detector = detector
        self._thresh = thresh
        self._min_face_px = min_face_px
        self._wary = wary
        self._frames = 0
        self._dismissed: list[_Dismissed] = []

    def __call__(
        self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Region] = (), thorough: bool = False
    ) -> tuple[Detection, ...]:
        """Return the faces of the next frame, see `Search`."""
        height, width = image.shape[:2]
        views = tiles(width, height, min_face_px=self._min_face_px or max(24, round(max(height, width) / 80)))
        even = self._frames % 2 == 0
        seen = self._look_at_all(image, short=thorough or not (expected and even), full=thorough or even, timestamp_ms=timestamp_ms)
        if not thorough:
            views = views[self._frames // 4 % len(views) :][:1] if views and self._frames % 4 == 1 else []
        in_tiles = [
            face for view in views for face in self._detector.look(image, "full_range", view=view, timestamp_ms=timestamp_ms)
        ]
        self._frames += 1

        candidates = _inside(union([*seen, *in_tiles]), width, height)
        pairs = match(expected, candidates)
        found = [candidates[j] for j in pairs.values()]
        for i, region in enumerate(expected):
            if i not in pairs:
                found += self._close_up(image, region, "short_range", timestamp_ms)
        for j, face in enumerate(candidates):
            # Tiles show so much texture at so little size that what they show is trusted less.
            at_sight = face.score >= self._thresh and face not in in_tiles
            if j not in pairs.values() and (face.score >= SURE or self._is_face(image, face, at_sight, thorough, timestamp_ms)):
                found.append(face)
        return _inside(union(found), width, height)

    def _is_face(self, image: UInt8Array, face: Detection, at_sight: bool, thorough: bool, timestamp_ms: int) -> bool:
        """Look at a new face more closely, with both models. What is no face hardly ever passes for one twice over.

        Args:
            image: The frame.
            face: What was found in it.
            at_sight: Whether it was believed without a closer look, so that some doubt remains if that shows nothing.
            thorough: Whether to look even if the same was dismissed lately.
            timestamp_ms: The frame's time.
        """
        region = Region.of(face)
        self._dismissed = [other for other in self._dismissed if other.until_frame > self._frames]
        alike = [other for other in self._dismissed if iou(other.face.box, face.box) > 0.5]
        if alike and not thorough and face.score < max(other.face.score for other in alike) + 0.1:
            return False
        scores = [
            max((close.score for close in self._close_up(image, region, model, timestamp_ms)), default=0.0) for model in INPUT_PX
        ]
        twice = self._wary and (face.score + max(scores)) / 2 >= SEEN_TWICE * self._thresh
        if twice or (max(scores) >= WEAK * self._thresh if at_sight else sum(scores) / len(scores) >= self._thresh):
            return True
        self._dismissed.append(_Dismissed(face, self._frames + DISMISSED_FRAMES))
        return False

    def _look_at_all(self, image: UInt8Array, *, short: bool, full: bool, timestamp_ms: int) -> list[Detection]:
        """Return what models find in the whole of a frame."""
        height, width = image.shape[:2]
        small, factor = halved(image, max(height, width), WHOLE_PX)
        found = []
        if short:
            found += self._detector.look(small, "short_range", timestamp_ms=timestamp_ms)
        if full:
            wider, margin = mirrored(small)
            faces = self._detector.look(wider, "full_range", timestamp_ms=timestamp_ms)
            found += [face.moved(dx=-margin, dy=-margin) for face in faces]
        return [face.moved(scale=factor) for face in found]

    def _close_up(self, image: UInt8Array, region: Region, model: ModelName, timestamp_ms: int) -> list[Detection]:
        """Return the face that a closer look finds where one is expected, upright, if any."""
        view = View.around(region, sides=CLOSE_UP_SIDES)
        found = self._detector.look(image, model, view=view, timestamp_ms=timestamp_ms)
        return [found[j] for j in match([region], found).values()]

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        self._detector.close()


def _inside(faces: Sequence[Detection], width: int, height: int) -> tuple[Detection, ...]:
    """Return the faces of a frame without mirror images beyond its border."""
    frame = (0.0, 0.0, float(width), float(height))
    return tuple(face for face in faces if intersection(face.box, frame) > INSIDE * area(face.box))
