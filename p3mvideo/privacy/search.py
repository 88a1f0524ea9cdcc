"""Which part of each frame of a stream is searched with which model, so that little time finds every face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detection import Detection, area, intersection, union
from p3mvideo.privacy.detector import FaceDetector, tiles
from p3mvideo.privacy.region import Region
from p3mvideo.privacy.tracker import match
from p3mvideo.privacy.view import View, halved, mirrored

WHOLE_PX = 256
"""A frame is halved while its long side stays above this before both models look at the whole of it."""
CLOSE_UP_SIDES = 3.0
"""How much of a frame a closer look at one face takes in, in sides of the face."""
WEAK = 0.6
"""A face that is followed already is believed at this part of the threshold; a new one is looked at more closely from there on."""
CLOSE_UPS_AT_MOST = 3
"""How many doubtful new faces are looked at more closely in one frame."""


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


class StreamSearch:
    """Both models over each whole frame where no face is known; where one is, the full-range model over every other frame, the
    short-range one over the frames between. Every other time, one of the tiles that small faces need is looked at too.
    A closer look is taken wherever a face is expected or suspected.

    Args:
        detector: With a confidence of `WEAK * thresh` or lower.
        thresh: The score from which a new face is believed.
        min_face_px: Height of the smallest face to look for; None: 24, or an eightieth of the frame's long side if that is more.
    """

    def __init__(self, detector: FaceDetector, *, thresh: float, min_face_px: int | None = None) -> None:
        self._detector = detector
        self._thresh = thresh
        self._min_face_px = min_face_px
        self._frames = 0

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

        candidates = union([*seen, *in_tiles])
        pairs = match(expected, candidates)
        # Tiles show so much texture at so little size that their finds are always looked at more closely.
        sure = [face for face in candidates if face.score >= self._thresh and face not in in_tiles]
        known = [candidates[j] for j in pairs.values()]
        doubtful = [face for face in candidates if face not in sure and face not in known]
        found = [*sure, *(face for face in known if face not in sure)]
        for i, region in enumerate(expected):
            if i not in pairs:
                found += self._close_up(image, region, timestamp_ms)
        for face in doubtful if thorough else doubtful[:CLOSE_UPS_AT_MOST]:
            found += [close for close in self._close_up(image, Region.of(face), timestamp_ms) if close.score >= self._thresh]
        return union(found)

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
        frame = (0.0, 0.0, float(width), float(height))
        faces = [face.moved(scale=factor) for face in found]
        # A face near the border has a mirror image beyond it.
        return [face for face in faces if intersection(face.box, frame) > area(face.box) / 4]

    def _close_up(self, image: UInt8Array, region: Region, timestamp_ms: int) -> list[Detection]:
        """Return the face that a closer look finds where one is expected, upright, if any."""
        view = View.around(region, sides=CLOSE_UP_SIDES)
        found = self._detector.look(image, "short_range", view=view, timestamp_ms=timestamp_ms)
        return [found[j] for j in match([region], found).values()]

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        self._detector.close()
