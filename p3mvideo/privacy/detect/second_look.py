"""Asking further detectors about one place of an image, where a face may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.crop import CLOSE_UP_SIDES, View
from p3mvideo.privacy.detect.registry import Detector
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.matching import match
from p3mvideo.privacy.region import Region

CLOSE_UP_PX = 192
"""Side of the closer look at one face."""
NOTHING = 0.2
"""A detector sees nothing where its calibrated score stays below this. To 114 faces that MediaPipe found in photographs CenterFace gave 0.8 or more,
and at most 0.14 to a boot, a hand and five places in rooms without people that it found, too."""


def seen_at(detectors: Sequence[Detector], image: UInt8Array, region: Region) -> list[Detection]:
    """Return what detectors find in an image, uint8 RGB (H, W, 3), where a face may be, turned upright; nothing if they find it elsewhere."""
    view = View.around(region, sides=CLOSE_UP_SIDES)
    cut = view.cut_out(image, CLOSE_UP_PX)
    seen = [view.to_image(face, CLOSE_UP_PX) for detector in detectors for face in detector(cut)]
    return [seen[number] for number in match([region], seen).values()]


class SecondLook:
    """Whether further detectors see anything where the first one found a face and is not sure of it.

    Args:
        make: Loads them when they are first needed. They report what has a score of `NOTHING`.
    """

    def __init__(self, make: Callable[[], Sequence[Detector]]) -> None:
        self._make = make
        self._detectors: Sequence[Detector] | None = None

    def __call__(self, image: UInt8Array, face: Detection) -> bool:
        """Return whether they see anything at a face that was found in an image, uint8 RGB (H, W, 3)."""
        if self._detectors is None:
            self._detectors = self._make()
        return any(other.score >= NOTHING for other in seen_at(self._detectors, image, Region.of(face)))

    def close(self) -> None:
        """Release their models. May be called any number of times."""
        for detector in self._detectors or ():
            detector.close()
