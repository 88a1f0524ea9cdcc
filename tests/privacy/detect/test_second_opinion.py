"""A second detector is asked where the first search may miss a face."""

from __future__ import annotations

import numpy as np
import pytest

from p3mvideo.errors import ConfigError, PrivacyError, WeightsError
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.crop import View
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.face_models import ModelName
from p3mvideo.privacy.detect.registry import DETECTORS, Detector, parse_detectors
from p3mvideo.privacy.detect.second_look import SecondLook
from p3mvideo.privacy.detect.second_opinion import SecondOpinion
from p3mvideo.privacy.detect.stream_search import Expected, StreamSearch
from p3mvideo.privacy.detection import Detection, iou
from p3mvideo.privacy.region import Region
from tests.privacy.fakes import ScriptedSearch, face_at

IMAGE = np.zeros((240, 320, 3), np.uint8)


class ScriptedDetector:
    """Finds the same faces in every image, at places relative to its size."""

    def __init__(self, *faces: Detection) -> None:
        self.faces = faces
        self.seen: list[tuple[int, ...]] = []
        self.closed = 0

    def __call__(self, image: UInt8Array) -> tuple[Detection, ...]:
        self.seen.append(image.shape)
        return self.faces

    def close(self) -> None:
        self.closed += 1


def loaded(name: str) -> Detector:
    """Return a detector, its models pulled if need be."""
    try:
        return DETECTORS[name].make(confidence=0.5, offline=False, face_model=None)
    except WeightsError as error:
        pytest.skip(f"the models of {name} cannot be had here: {error}")


def test_what_one_of_them_finds_is_found() -> None:
    search = SecondOpinion(ScriptedSearch(lambda n: [face_at(80, 80)]), [ScriptedDetector(face_at(82, 80), face_at(200, 100))], thresh=0.5)
    found = search(IMAGE, timestamp_ms=0, thorough=True)
    assert len(found) == 2


@pytest.mark.parametrize("others", [[], [face_at(80, 80), face_at(102, 80, score=0.8)], [face_at(103, 80, score=0.95)]], ids=len)
@pytest.mark.parametrize("thorough", [True, False])
def test_two_followed_faces_that_overlap_stay_two(others: list[Detection], thorough: bool) -> None:
    """Someone before someone else shares much of their box; so do two who hug."""
    both = [face_at(80, 80), face_at(102, 80, score=0.8)]
    search = SecondOpinion(ScriptedSearch(lambda n: both), [ScriptedDetector(*others)], thresh=0.5)
    found = search(IMAGE, timestamp_ms=0, expected=[Expected(Region.of(face)) for face in both], thorough=thorough)
    assert sorted(round(face.box[0]) for face in found) == [pytest.approx(60, abs=1), pytest.approx(82, abs=1)]
    strangers = search(IMAGE, timestamp_ms=0, thorough=thorough)
    assert len(strangers) == 1, "of what is not followed, two that share so much are one"


def test_one_that_the_other_finds_where_two_are_followed_stays() -> None:
    both = [face_at(80, 80), face_at(102, 80, score=0.8)]
    search = SecondOpinion(ScriptedSearch(lambda n: both[:1]), [ScriptedDetector(*both)], thresh=0.5)
    found = search(IMAGE, timestamp_ms=0, expected=[Expected(Region.of(face)) for face in both], thorough=True)
    assert len(found) == 2


class OneScore(FaceDetector):
    """Sees one face from afar with one model, and more closely with both, always with the same score."""

    def __init__(self, score: float) -> None:
        self._score = score

    def look(self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None) -> list[Detection]:
        seen = model == "short_range" if view is None else round(view.x) == 90
        return [face_at(90, 90, score=self._score)] if seen else []

    def close(self) -> None:
        """There is nothing to release."""


@pytest.mark.parametrize(("score", "second", "faces"), [(0.6, 0.0, 0), (0.6, 0.1, 0), (0.6, 0.3, 1), (0.8, 0.0, 1)])
def test_a_new_face_that_is_not_sure_is_none_if_the_other_sees_nothing(score: float, second: float, faces: int) -> None:
    other = ScriptedDetector(*[face_at(96, 96, side=64, score=second)] if second else [])
    look = SecondLook(lambda: [other])
    search = StreamSearch(OneScore(score), thresh=0.5, second_look=look)
    assert len(search(IMAGE, timestamp_ms=0)) == faces
    assert len(search.dismissed) == 1 - faces
    asked = len(other.seen)
    assert asked == (score < 0.7)
    assert len(search(IMAGE, timestamp_ms=1, expected=[Expected(Region.of(face_at(90, 90)))])) == 1
    assert len(other.seen) == asked, "what is followed is not doubted again"
    search.close()
    assert other.closed == asked


def test_a_weak_find_counts_only_where_a_face_is_expected() -> None:
    detector = ScriptedDetector(face_at(200, 100, score=0.4))
    search = SecondOpinion(ScriptedSearch(lambda n: []), [detector], thresh=0.5)
    assert search(IMAGE, timestamp_ms=0, thorough=True) == ()
    assert [face.score for face in search.dismissed] == [0.4]
    assert len(search(IMAGE, timestamp_ms=1, thorough=True, expected=[Expected(Region.of(face_at(200, 100)))])) == 1
    assert not search.dismissed


def test_what_it_finds_is_believed_as_far_as_its_score_says() -> None:
    search = SecondOpinion(None, [ScriptedDetector(face_at(200, 100, score=0.8))], thresh=0.4)
    (face,) = search(IMAGE, timestamp_ms=0)
    assert face.belief == pytest.approx(1.0)


def test_without_newcomers_only_expected_faces_are_found() -> None:
    search = SecondOpinion(None, [ScriptedDetector(face_at(200, 100), face_at(60, 60))], thresh=0.5, newcomers=False)
    assert search(IMAGE, timestamp_ms=0) == ()
    assert len(search(IMAGE, timestamp_ms=1, expected=[Expected(Region.of(face_at(60, 60)))])) == 1


def test_between_thorough_frames_it_looks_only_where_a_face_is_missing() -> None:
    upright = face_at(96, 96, side=64)  # in the middle of a closer look
    detector = ScriptedDetector(upright)
    search = SecondOpinion(ScriptedSearch(lambda n: [face_at(80, 80)]), [detector], thresh=0.5)
    search(IMAGE, timestamp_ms=0, expected=[Expected(Region.of(face_at(80, 80)))])
    assert not detector.seen
    missing = face_at(220, 100)
    found = search(IMAGE, timestamp_ms=1, expected=[Expected(Region.of(face_at(80, 80))), Expected(Region.of(missing))])
    assert detector.seen == [(192, 192, 3)]
    assert max(iou(face.box, missing.box) for face in found) > 0.9


def test_it_closes_all() -> None:
    first, detector = ScriptedSearch(lambda n: []), ScriptedDetector()
    SecondOpinion(first, [detector], thresh=0.5).close()
    assert first.closed == detector.closed == 1


def test_detectors_by_name() -> None:
    assert parse_detectors("mediapipe, centerface") == ("mediapipe", "centerface")
    assert parse_detectors("centerface") == ("centerface",)
    for text in ("retina", "", "mediapipe,"):
        with pytest.raises(ConfigError, match="--detectors"):
            parse_detectors(text)


@pytest.mark.parametrize("name", list(DETECTORS))
def test_every_detector_finds_a_face_and_says_where(name: str, portrait: UInt8Array) -> None:
    detector = loaded(name)
    (face,) = detector(portrait)
    x0, y0, x1, y1 = face.box
    assert abs((x0 + x1) / 2 - 222) < 12
    assert abs((y0 + y1) / 2 - 128) < 20
    assert 70 < x1 - x0 < 130
    assert x1 - x0 == pytest.approx(y1 - y0, rel=0.05)
    assert face.score > 0.7
    assert face.key_points is not None
    right_eye, left_eye, nose, mouth = face.key_points[:4]
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_eye[1] < nose[1] < mouth[1]
    assert detector(np.full((70, 90, 3), 90, np.uint8)) == ()
    detector.close()
    detector.close()


def test_a_closed_detector_says_so() -> None:
    detector = loaded("centerface")
    detector.close()
    with pytest.raises(PrivacyError, match="closed"):
        detector(IMAGE)
