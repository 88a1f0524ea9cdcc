"""Asking further detectors where one search alone may miss a face, or takes something for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.crop import View
from p3mvideo.privacy.detect.registry import Detector
from p3mvideo.privacy.detect.stream_search import CLOSE_UP_SIDES, INSIDE, WEAK, Expected, Search
from p3mvideo.privacy.detection import Detection, area, intersection, union
from p3mvideo.privacy.follow.matching import match
from p3mvideo.privacy.follow.track import SURE_BELIEF
from p3mvideo.privacy.region import Region

CLOSE_UP_PX = 192
"""Side of the closer look at one face."""
NOTHING = 0.2
"""A detector sees nothing where its calibrated score stays below this. To 114 faces that MediaPipe found in photographs CenterFace gave 0.8 or more,
and at most 0.14 to a boot, a hand and five places in rooms without people that it found, too."""


class SecondOpinion:
    """A `Search` that asks further detectors: about the whole of each frame that is searched thoroughly, in the others about each face that is
    expected but was not found, and about each new face that is not surely one. Of the latter, what none of them sees is no face.

    Args:
        first: What searches every frame; None asks the detectors about the whole of every frame.
        detectors: The others, which report what has a score of `NOTHING`; closed with the search.
        thresh: The score from which a new face is believed; a part of it, `WEAK`, from one that is followed already.
        newcomers: Whether to look for faces that are not expected.
    """

    def __init__(self, first: Search | None, detectors: Sequence[Detector], *, thresh: float, newcomers: bool = True) -> None:
        self._first = first
        self._detectors = detectors
        self._thresh = thresh
        self._newcomers = newcomers

    def __call__(self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Expected] = (), thorough: bool = False) -> tuple[Detection, ...]:
        """Return the faces of the next frame, see `Search`."""
        regions = [face.region for face in expected]
        found: list[Detection] = []
        if self._first is not None:
            found += self._first(image, timestamp_ms=timestamp_ms, expected=expected, thorough=thorough)
            known = set(match(regions, found).values())
            found = [face for i, face in enumerate(found) if i in known or self._is_sure(face) or self._see(image, Region.of(face), NOTHING)]
        if thorough or self._first is None:
            seen = [self._with_belief(face) for detector in self._detectors for face in detector(image)]
            followed = set(match(regions, seen).values())
            least = {number: WEAK * self._thresh if number in followed else self._thresh for number in range(len(seen))}
            found += [face for number, face in enumerate(seen) if face.score >= least[number] and (self._newcomers or number in followed)]
        matched = match(regions, found)
        for number, region in enumerate(regions):
            if number not in matched:
                found += self._see(image, region, WEAK * self._thresh)
        height, width = image.shape[:2]
        frame = (0.0, 0.0, float(width), float(height))
        return union(face for face in found if intersection(face.box, frame) > INSIDE * area(face.box))

    def _is_sure(self, face: Detection) -> bool:
        return face.belief is not None and face.belief >= SURE_BELIEF

    def _with_belief(self, face: Detection) -> Detection:
        """Return a find of another detector as believed as its calibrated score says."""
        return replace(face, belief=face.score * 0.5 / self._thresh)

    def _see(self, image: UInt8Array, region: Region, least: float) -> list[Detection]:
        """Return what the detectors find with at least that score where a face may be, upright, if anything."""
        view = View.around(region, sides=CLOSE_UP_SIDES)
        cut = view.cut_out(image, CLOSE_UP_PX)
        seen = [view.to_image(face, CLOSE_UP_PX) for detector in self._detectors for face in detector(cut)]
        return [self._with_belief(seen[number]) for number in match([region], seen).values() if seen[number].score >= least]

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        if self._first is not None:
            self._first.close()
        for detector in self._detectors:
            detector.close()
