"""What looked like a face, but not enough, is one thing for as long as it is seen."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detection import Box
from p3mvideo.privacy.two_pass.candidates import Candidates

SIGN = (500, 200)
"""Where something that looks like a face hangs on the wall."""
SIDE = 20


def wall(seed: int) -> UInt8Array:
    noise = np.random.default_rng(seed).integers(0, 256, (480, 1100, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 4), np.uint8)


def seen(at: int) -> Box:
    """Return where the sign is in a view of the wall that begins at column `at`."""
    return SIGN[0] - at, SIGN[1], SIGN[0] - at + SIDE, SIGN[1] + SIDE


def look(candidates: Candidates, views: list[tuple[UInt8Array, int]], *, every: int = 15) -> None:
    """Find the sign in every so many frames, thirty of which are a second."""
    for number, (image, at) in enumerate(views):
        candidates.see(number * every, number * every / 30, [(seen(at), 0.3 + 0.01 * number)], image[:360, at : at + 640])


def test_what_is_seen_again_after_the_camera_turned_is_one_candidate() -> None:
    candidates, image = Candidates(), wall(1)
    look(candidates, [(image, 40 * number) for number in range(8)])
    (candidate,) = candidates.found()
    assert (candidate.first, candidate.last, candidate.frame) == (0, 105, 105)
    assert candidate.box == seen(280)
    assert candidate.score == 0.37


def test_two_things_stay_two_while_the_camera_turns() -> None:
    candidates, image = Candidates(), wall(2)
    for number in range(4):
        at = 30 * number
        other = tuple(side + 30 for side in seen(at))  # where the sign was in the frame before
        candidates.see(15 * number, number / 2, [(seen(at), 0.3), (other, 0.4)], image[:360, at : at + 640])  # type: ignore[list-item]
    assert sorted((one.score, one.first, one.last) for one in candidates.found()) == [(0.3, 0, 45), (0.4, 0, 45)]


def test_another_view_tells_nothing() -> None:
    candidates = Candidates()
    look(candidates, [(wall(number), 60 * number) for number in range(4)])
    assert len(candidates.found()) == 4


def test_without_images_the_camera_stands_still() -> None:
    candidates = Candidates()
    for number in range(4):
        candidates.see(number, number / 30, [((10, 10, 30, 30), 0.3), ((100, 10, 120, 30), 0.25), ((200, 10, 220, 30), 0.1)])
    assert [(one.box[0], one.first, one.last) for one in candidates.found()] == [(10, 0, 3), (100, 0, 3)]
    candidates.see(4, 2.0, [((10, 10, 30, 30), 0.3)])
    assert len(candidates.found()) == 3, "what was not seen for a while is another"
