"""Faces that are looked for in every n-th frame only stay covered between."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.pipeline import restore_faces
from p3mvideo.privacy.sparse import SparseAnonymizer
from tests.live.room import FACE, FaceCoverer, film, shows_face


def frame(number: int, pixels: UInt8Array) -> Frame:
    return Frame.from_interleaved(pixels, number, Fraction(1, 30))


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_swaying_face_is_covered_in_every_frame_and_comes_back_whole(every: int) -> None:
    calls: list[int] = []
    anonymizer = SparseAnonymizer(FaceCoverer(restores=True, fault=calls.append), every)
    for number in range(12):
        original = frame(number, film(number))
        before = original.interleaved().copy()
        covered, faces = anonymizer(original)
        ys, xs = np.nonzero((film(number) == np.array(FACE, np.uint8)).all(2))
        middle = covered.interleaved()[ys.min() + 3 : ys.max() - 2, xs.min() + 3 : xs.max() - 2].astype(int)
        # What is smeared over it has colours of the face and of what is around it, but nothing stays as it was.
        assert len(faces) == 1
        assert not shows_face(covered.interleaved()) or number % every
        assert number % every or (middle != np.array(FACE)).any()
        np.testing.assert_array_equal(restore_faces(covered, faces).interleaved(), before)
        np.testing.assert_array_equal(original.interleaved(), before)
    assert len(calls) == -(-12 // every)


def test_a_frame_of_another_size_is_looked_at() -> None:
    calls: list[int] = []
    anonymizer = SparseAnonymizer(FaceCoverer(restores=True, fault=calls.append), 3)
    anonymizer(frame(0, film(0)))
    anonymizer(frame(1, film(1, 48, 32)))
    assert len(calls) == 2


def test_where_no_face_was_nothing_is_covered() -> None:
    blank = np.zeros((20, 30, 3), np.uint8)
    anonymizer = SparseAnonymizer(FaceCoverer(restores=True, fault=lambda call: None), 2)
    for number in range(3):
        covered, faces = anonymizer(frame(number, blank))
        assert faces == ()
        np.testing.assert_array_equal(covered.interleaved(), blank)


def test_a_detector_that_fails_is_heard_and_it_is_closed() -> None:
    def fail(call: int) -> None:
        raise RuntimeError("broken")

    inner = FaceCoverer(restores=True, fault=fail)
    anonymizer = SparseAnonymizer(inner, 2)
    with pytest.raises(RuntimeError, match="broken"):
        anonymizer(frame(0, film(0)))
    anonymizer.close()
    assert inner.closed
    with pytest.raises(ValueError, match="at least 1"):
        SparseAnonymizer(inner, 0)
