"""Asking further detectors where one search alone may miss a face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.registry import Detector
from p3mvideo.privacy.detect.second_look import seen_at
from p3mvideo.privacy.detect.stream_search import INSIDE, WEAK, Expected, Find, Search, one_each
from p3mvideo.privacy.detection import Detection, area, belief_of, intersection
from p3mvideo.privacy.follow.matching import match
from p3mvideo.privacy.region import Region


def _with_tracks(regions: Sequence[Region], faces: Sequence[Detection]) -> list[Find]:
    """Return each face with the one of the expected regions that it is found at."""
    tracks = {place: number for number, place in match(regions, faces).items()}
    return [Find(face, tracks.get(place)) for place, face in enumerate(faces)]


class SecondOpinion:
    """A `Search` that asks further detectors: about the whole of each frame that is searched thoroughly, in the others about each face that is
    expected but was not found.

    Args:
        first: What searches every frame; None asks the detectors about the whole of every frame.
        detectors: The others, which report what has a score of `WEAK * thresh`; closed with the search.
        thresh: The score from which a new face is believed; a part of it, `WEAK`, from one that is followed already.
        newcomers: Whether to look for faces that are not expected.
    """

    def __init__(self, first: Search | None, detectors: Sequence[Detector], *, thresh: float, newcomers: bool = True) -> None:
        self._first = first
        self._detectors = detectors
        self._thresh = thresh
        self._newcomers = newcomers
        self.dismissed: list[Detection] = []
        """See `Search`."""

    def __call__(self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Expected] = (), thorough: bool = False) -> tuple[Detection, ...]:
        """Return the faces of the next frame, see `Search`."""
        regions = [face.region for face in expected]
        found: list[Find] = []
        self.dismissed = []
        if self._first is not None:
            found += _with_tracks(regions, self._first(image, timestamp_ms=timestamp_ms, expected=expected, thorough=thorough))
            self.dismissed += self._first.dismissed
        if thorough or self._first is None:
            seen = [self._with_belief(face) for detector in self._detectors for face in detector(image)]
            followed = set(match(regions, seen).values())
            least = {number: WEAK * self._thresh if number in followed else self._thresh for number in range(len(seen))}
            believed = [face for number, face in enumerate(seen) if face.score >= least[number] and (self._newcomers or number in followed)]
            found += _with_tracks(regions, believed)
            self.dismissed += [face for number, face in enumerate(seen) if face.score < least[number]]
        missed = {*range(len(regions))} - {find.track for find in found}
        for number in sorted(missed):
            seen = [self._with_belief(face) for face in seen_at(self._detectors, image, regions[number]) if face.score >= WEAK * self._thresh]
            of_it = match([regions[number]], seen).get(0)
            found += [Find(face, number if place == of_it else None) for place, face in enumerate(seen)]
        height, width = image.shape[:2]
        frame = (0.0, 0.0, float(width), float(height))
        seen_here = (find for find in found if intersection(find.face.box, frame) > INSIDE * area(find.face.box))
        return one_each(seen_here, lambda face: face.score)

    def _with_belief(self, face: Detection) -> Detection:
        """Return a find of another detector as believed as its calibrated score says."""
        return replace(face, belief=belief_of(face.score, self._thresh))

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        if self._first is not None:
            self._first.close()
        for detector in self._detectors:
            detector.close()
