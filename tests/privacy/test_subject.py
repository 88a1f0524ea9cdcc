"""Whose face is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from p3mvideo.frame import Face
from p3mvideo.matte import Matte
from p3mvideo.privacy.subject import SubjectKeeper
from tests.privacy.fakes import HEIGHT, WIDTH, frame


def face(track: int, box: tuple[int, int, int, int]) -> Face:
    covered, original = (np.full((box[3] - box[1], box[2] - box[0], 3), value, np.uint8) for value in (COVERED, ORIGINAL))
    return Face(box, covered, track, 0.9, original)


def matte(*boxes: tuple[int, int, int, int], scale: int = 1) -> Matte:
    alpha = torch.zeros(1, HEIGHT // scale, WIDTH // scale)
    for x0, y0, x1, y1 in boxes:
        alpha[:, y0 // scale : y1 // scale, x0 // scale : x1 // scale] = 1
    return Matte(alpha)


PRESENTER, BYSTANDER, POSTER = (100, 60, 180, 140), (220, 80, 260, 120), (10, 10, 50, 50)
PERSON = (80, 40, 200, 240)
COVERED, ORIGINAL = 5, 250


def shown(faces: tuple[Face, ...]) -> list[int | None]:
    return [found.track for found in faces if found.shown is not None and (found.shown == ORIGINAL).any()]


def test_only_the_matted_face_is_shown() -> None:
    faces = (face(1, PRESENTER), face(2, BYSTANDER), face(3, POSTER))
    for scale in (1, 4):
        kept = SubjectKeeper()(frame(0), faces, matte(PERSON, scale=scale))
        assert shown(kept) == [1]
        assert {found.track: found.box for found in kept} == {1: PRESENTER, 2: BYSTANDER, 3: POSTER}
        assert not any(found.original is not None for found in kept)
        assert [found.track for found in kept if not found.hidden] == [1]


def test_nobody_is_shown_without_a_matte_over_a_face() -> None:
    assert shown(SubjectKeeper()(frame(0), (face(2, BYSTANDER),), matte(PERSON))) == []
    assert shown(SubjectKeeper()(frame(0), (), matte(PERSON))) == []


def test_of_two_matted_faces_the_larger_is_shown_and_stays_so() -> None:
    keeper = SubjectKeeper()
    everybody = matte((0, 0, WIDTH, HEIGHT))
    small, large, giant = (10, 10, 60, 60), (100, 60, 160, 120), (100, 60, 180, 140)
    assert shown(keeper(frame(0), (face(1, small), face(2, large)), everybody)) == [2]
    # Somewhat larger is not enough to take over; much larger is.
    assert shown(keeper(frame(1), (face(1, (0, 0, 66, 66)), face(2, large)), everybody)) == [2]
    assert shown(keeper(frame(2), (face(1, giant), face(2, small)), everybody)) == [1]
    keeper.reset()
    assert shown(keeper(frame(3), (face(1, small), face(2, large)), everybody)) == [2]


def test_what_a_shown_face_shares_with_a_hidden_one_stays_hidden() -> None:
    neighbour = (160, 100, 220, 160)
    given = frame(0)
    hidden = face(2, neighbour)
    for other, expected in ((hidden, COVERED), (replace(hidden, shown=None), given.interleaved()[100:140, 160:180])):
        kept = SubjectKeeper()(given, (face(1, PRESENTER), other), matte((80, 40, 178, 240)))
        assert shown(kept) == [1]
        assert kept[-1].track == 1, "it is written over what others cover"
        pixels = kept[-1].shown
        assert isinstance(pixels, np.ndarray)
        assert (pixels[100 - 60 :, 160 - 100 :] == expected).all()
        assert (pixels[:40] == ORIGINAL).all()


def test_who_brings_no_original_pixels_is_left_as_the_anonymizer_wants_it() -> None:
    faces = tuple(replace(face(track, box), original=None) for track, box in ((1, PRESENTER), (2, BYSTANDER)))
    assert SubjectKeeper()(frame(0), faces, matte(PERSON)) == faces


def test_who_was_not_found_becomes_no_subject_by_a_wider_cover() -> None:
    """What is only followed is covered more widely, up to nearly twice the area of a face that is found."""
    keeper, people = SubjectKeeper(), matte((0, 0, WIDTH, HEIGHT))
    wide = (BYSTANDER[0] - 40, BYSTANDER[1] - 40, BYSTANDER[2] + 40, BYSTANDER[3] + 40)
    assert shown(keeper(frame(0), (face(1, PRESENTER), face(2, BYSTANDER)), people)) == [1]
    assert shown(keeper(frame(1), (face(1, PRESENTER), replace(face(2, wide), score=None)), people)) == [1]
    assert shown(keeper(frame(2), (replace(face(1, PRESENTER), score=None), replace(face(2, wide), score=None)), people)) == [1]
    assert shown(keeper(frame(3), (face(1, PRESENTER), face(2, wide)), people)) == [2], "who is found so large has taken over"
