"""A search that answers from a script, and images whose faces need no detector."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.privacy.detect.stream_search import Expected
from p3mvideo.privacy.detection import Detection

WIDTH, HEIGHT, RATE = 320, 240, 30
SIDE = 40.0


def face_at(x: float, y: float, side: float = SIDE, score: float = 0.9) -> Detection:
    """Return an upright face whose box is centred on (x, y), believed as much as its score says."""
    points = np.array([(-0.2, -0.22), (0.2, -0.22), (0, 0.05), (0, 0.23), (-0.5, -0.1), (0.5, -0.1)], np.float32)
    key_points = points * np.float32(side) + np.array((x, y), np.float32)
    return Detection((x - side / 2, y - side / 2, x + side / 2, y + side / 2), key_points, score, belief=score)


def frame(number: int, seed: int = 0, rate: int = RATE) -> Frame:
    """Return a frame of noise; no pixel of it is what any filter paints."""
    pixels = np.random.default_rng(seed).integers(40, 200, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    return Frame.from_interleaved(pixels, number, Fraction(1, rate))


class ScriptedSearch:
    """Finds in the n-th frame what `script(n)` returns, raises what it raises, hangs as long as it hangs; does not believe `doubts(n)`."""

    def __init__(self, script: Callable[[int], Sequence[Detection]], doubts: Callable[[int], Sequence[Detection]] = lambda n: ()) -> None:
        self._script = script
        self._doubts = doubts
        self.calls = 0
        self.thorough: list[bool] = []
        self.expected: list[tuple[Expected, ...]] = []
        self.closed = 0
        self.dismissed: tuple[Detection, ...] = ()

    def __call__(self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Expected] = (), thorough: bool = False) -> tuple[Detection, ...]:
        number = self.calls
        self.calls += 1
        self.thorough.append(thorough)
        self.expected.append(tuple(expected))
        self.dismissed = tuple(self._doubts(number))
        return tuple(self._script(number))

    def close(self) -> None:
        self.closed += 1


def hang(release: threading.Event) -> tuple[Detection, ...]:
    """Answer late."""
    release.wait()
    return ()
