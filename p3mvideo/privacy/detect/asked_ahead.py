"""A detector that works on an image before its answer is needed."""

from __future__ import annotations

from collections import deque
from functools import partial

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.registry import Detector
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.watchdog import Call, Watchdog

MOST_WAITING = 4
"""So many images that were announced and not asked about are remembered."""


class AskedAhead:
    """A `Detector` with a thread of its own, which begins with an image as soon as it is announced. Answers are the same as without.

    Args:
        detector: Finds the faces, in that thread alone; closed with this one.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._worker = Watchdog("p3mvideo further detector")
        self._announced: deque[tuple[UInt8Array, Call[tuple[Detection, ...]]]] = deque(maxlen=MOST_WAITING)

    def announce(self, image: UInt8Array) -> None:
        """Begin with an image, uint8 RGB (H, W, 3), about which the detector will be asked: this very array, unchanged."""
        self._announced.append((image, self._worker.begin(partial(self._detector, image))))

    def __call__(self, image: UInt8Array) -> tuple[Detection, ...]:
        """Return the faces of an image, see `Detector`."""
        for number, (announced, answer) in enumerate(self._announced):
            if announced is image:
                del self._announced[number]
                return answer.outcome()
        return self._worker.begin(partial(self._detector, image)).outcome()

    def close(self) -> None:
        """Release the model. May be called any number of times."""
        self._worker.close()
        self._announced.clear()
        self._detector.close()
