"""A detector that begins before its answer is needed answers as it would have later."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from p3mvideo.errors import PrivacyError
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.asked_ahead import MOST_WAITING, AskedAhead
from p3mvideo.privacy.detection import Detection
from tests.privacy.fakes import face_at

WAIT_SECONDS = 20


class Counting:
    """Finds one face, at a place that the image's first pixel names; fails on black images."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.began = threading.Event()
        self.closed = 0

    def __call__(self, image: UInt8Array) -> tuple[Detection, ...]:
        self.threads.append(threading.current_thread().name)
        self.began.set()
        if not image.any():
            raise PrivacyError("nothing to be seen")
        return (face_at(float(image[0, 0, 0]), 80),)

    def close(self) -> None:
        self.closed += 1


def image_of(value: int) -> UInt8Array:
    return np.full((240, 320, 3), value, np.uint8)


def test_an_announced_image_is_looked_at_once_and_before_it_is_asked_about() -> None:
    counting, images = Counting(), [image_of(value) for value in (100, 120, 140)]
    detector = AskedAhead(counting)
    detector.announce(images[1])
    assert counting.began.wait(WAIT_SECONDS)
    found = [detector(image)[0].box for image in images]
    assert found == [Counting()(image)[0].box for image in images]
    assert len(counting.threads) == 3
    assert len(set(counting.threads)) == 1, "a detector answers from one thread at a time"
    # The same image again is another question.
    detector(images[1])
    assert len(counting.threads) == 4
    detector.close()
    detector.close()
    assert counting.closed == 2


def test_a_failure_is_raised_where_the_answer_is_needed() -> None:
    detector = AskedAhead(Counting())
    black = image_of(0)
    detector.announce(black)
    assert detector(image_of(100))
    with pytest.raises(PrivacyError, match="nothing to be seen"):
        detector(black)
    detector.close()


def test_images_that_nobody_asks_about_are_let_go() -> None:
    detector = AskedAhead(Counting())
    for value in range(1, 3 * MOST_WAITING):
        detector.announce(image_of(value))
    assert len(detector._announced) == MOST_WAITING
    # One that is asked about after all stands behind others.
    last = image_of(200)
    detector.announce(last)
    assert detector(last)[0].box == Counting()(last)[0].box
    assert len(detector._announced) == MOST_WAITING - 1
    detector.close()
