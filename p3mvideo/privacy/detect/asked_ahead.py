"""A detector that works on an image before its answer is needed."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.registry import Detector
from p3mvideo.privacy.detection import Detection

MOST_WAITING = 4
"""So many images that were announced and not asked about are remembered."""


class AskedAhead:
    """A `Detector` with a thread of its own, which begins with an image as soon as it is announced. Answers are the same as without.

    Args:
        detector: Finds the faces, in that thread alone; closed with this one.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="p3mvideo further detector")
        self._announced: deque[tuple[UInt8Array, Future[tuple[Detection, ...]]]] = deque(maxlen=MOST_WAITING)

    def announce(self, image: UInt8Array) -> None:
        """Begin with an image, uint8 RGB (H, W, 3), about which the detector will be asked: this very array, unchanged."""
        self._announced.append((image, self._worker.submit(self._detector, image)))

    def __call__(self, image: UInt8Array) -> tuple[Detection, ...]:
        """Return the faces of an image, see `Detector`."""
        for announced, answer in tuple(self._announced):
            if announced is image:
                self._announced.remove((announced, answer))
                return answer.result()
        return self._worker.submit(self._detector, image).result()

    def close(self) -> None:
        """Release the model. May be called any number of times."""
        self._worker.shutdown(wait=False, cancel_futures=True)  # what hangs is not waited for
        self._announced.clear()
        self._detector.close()
