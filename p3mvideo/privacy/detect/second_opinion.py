"""Asking further detectors where one search alone may miss a face, or takes something for one."""

from __future__ import annotations

from collections.abc import Sequence

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.crop import View
from p3mvideo.privacy.detect.registry import Detector
from p3mvideo.privacy.detect.stream_search import CLOSE_UP_SIDES, INSIDE, SURE, Search
from p3mvideo.privacy.detection import Detection, area, intersection, union
from p3mvideo.privacy.follow.tracker import match
from p3mvideo.privacy.region import Region

CLOSE_UP_PX = 192
"""Side of the closer look at one face."""
NOTHING = 0.2
"""A detector sees nothing where its calibrated score stays below this. To 114 faces that MediaPipe found in photographs CenterFace gave 0.8 or more,
and at most 0.14 to a boot, a hand and five places in rooms without people that it found, too."""


class SecondOpinion:
    """A `Search` that asks further detectors: about the whole of each frame that is searched thoroughly, in the others about each face that is
    expected but was not found, and about each new face that is not sure. Of the latter, what none of them sees is no face.

    Args:
        first: What searches every frame; None asks the detectors about the whole of every frame.
        detectors: The others, which report what has a score of `NOTHING`; closed with the search.
        thresh: The score from which a new face is believed.
        weak: At this part of it, one that is followed already.
    """

    def __init__(self, first: Search | None, detectors: Sequence[Detector], *, thresh: float, weak: float) -> None:
        self._first = first
        self._detectors = detectors
        self._thresh = thresh
        self._weak = weak

    def __call__(
        self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Region] = (), thorough: bool = False
    ) -> tuple[Detection, ...]:
        """Return the faces of the next frame, see `Search`."""
        found: list[Detection] = []
        if self._first is not None:
            found += self._first(image, timestamp_ms=timestamp_ms, expected=expected, thorough=thorough)
            known = match(expected, found).values()
            found = [face for number, face in enumerate(found) if number in known or face.score >= SURE or self._see(image, Region.of(face), NOTHING)]
        if thorough or self._first is None:
            seen = [face for detector in self._detectors for face in detector(image)]
            followed = match(expected, seen).values()
            least = {number: self._weak * self._thresh if number in followed else self._thresh for number in range(len(seen))}
            found += [face for number, face in enumerate(seen) if face.score >= least[number]]
        matched = match(expected, found)
        for number, region in enumerate(expected):
            if number not in matched:
                found += self._see(image, region, self._weak * self._thresh)
        height, width = image.shape[:2]
        frame = (0.0, 0.0, float(width), float(height))
        return union(face for face in found if intersection(face.box, frame) > INSIDE * area(face.box))

    def _see(self, image: UInt8Array, region: Region, least: float) -> list[Detection]:
        """Return what the detectors find with at least that score where a face may be, upright, if anything."""
        view = View.around(region, sides=CLOSE_UP_SIDES)
        cut = view.cut_out(image, CLOSE_UP_PX)
        seen = [view.to_picture(face, CLOSE_UP_PX) for detector in self._detectors for face in detector(cut)]
        return [seen[number] for number in match([region], seen).values() if seen[number].score >= least]

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        if self._first is not None:
            self._first.close()
        for detector in self._detectors:
            detector.close()
