"""The real models: faces of every size, lean and place are found where they are."""

from __future__ import annotations

import math
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3mvideo.errors import PrivacyError
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.crop import View
from p3mvideo.privacy.detect.detector import FaceDetector, tiles
from p3mvideo.privacy.detect.face_models import ModelName
from p3mvideo.privacy.detect.mediapipe_model import MediaPipeFaceModel
from p3mvideo.privacy.detect.stream_search import ROUND_FRAMES, Expected, StreamSearch, smallest_face_px
from p3mvideo.privacy.detect.telemetry import deny_telemetry
from p3mvideo.privacy.detection import Detection, iou
from p3mvideo.privacy.region import Region
from tests.privacy.fakes import ScriptedSearch, face_at

FACE = (176.0, 80.0, 270.0, 174.0)
"""Where the face of the portrait is, by hand."""


def placed(portrait: UInt8Array, size: tuple[int, int], x: float, y: float, side: float, degrees: float = 0.0) -> UInt8Array:
    """Return a grey image with the portrait in it, its face about (x, y), so large and leaning clockwise."""
    scale = side / (FACE[2] - FACE[0])
    shrunk = min(1.0, 2 * scale)
    small = cv2.resize(portrait, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
    middle = ((FACE[0] + FACE[2]) / 2 * shrunk, (FACE[1] + FACE[3]) / 2 * shrunk)
    matrix = cv2.getRotationMatrix2D(middle, -degrees, scale / shrunk)
    matrix[:, 2] += (x - middle[0], y - middle[1])
    image = np.full((size[1], size[0], 3), 110, np.uint8)
    return np.asarray(cv2.warpAffine(small, matrix, size, dst=image, borderMode=cv2.BORDER_TRANSPARENT))


def found_at(faces: tuple[Detection, ...] | list[Detection], x: float, y: float, side: float) -> bool:
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return any(iou(face.box, box) > 0.35 for face in faces)


@pytest.mark.parametrize(
    ("x", "y", "side", "degrees"),
    [(640, 360, 300, 0), (200, 200, 120, 0), (1000, 500, 90, 30), (640, 360, 200, -60)],
    ids=["near", "middle", "far and leaning", "leaning much"],
)
def test_both_models_find_faces_of_a_image(detector: FaceDetector, portrait: UInt8Array, x: float, y: float, side: float, degrees: float) -> None:
    faces = detector(placed(portrait, (1280, 720), x, y, side, degrees))
    assert found_at(faces, x, y, side)
    best = max(faces, key=lambda face: face.score)
    assert math.degrees(Region.of(best).lean) == pytest.approx(degrees, abs=25)
    assert 0.3 <= best.score <= 1


def test_small_faces_are_found_in_tiles_only(detector: FaceDetector, portrait: UInt8Array) -> None:
    image = placed(portrait, (1920, 1080), 1500, 300, 24)
    assert not found_at(detector(image), 1500, 300, 24)
    assert found_at(detector(image, min_face_px=24), 1500, 300, 24)


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (400, 900), (3840, 2160)])
def test_every_small_face_lies_whole_in_some_tile(size: tuple[int, int]) -> None:
    views = tiles(*size, min_face_px=24)
    for x in np.linspace(24, size[0] - 24, 23):
        for y in np.linspace(24, size[1] - 24, 23):
            assert any(max(abs(view.x - x), abs(view.y - y)) + 12 <= view.side / 2 + 0.5 for view in views)
    assert tiles(300, 200, min_face_px=24) == []


@pytest.fixture
def search(model_paths: object) -> Iterator[StreamSearch]:
    stream = StreamSearch(FaceDetector(confidence=0.3, mode="video", offline=True), thresh=0.5)
    yield stream
    stream.close()


def test_a_stream_is_searched_for_every_face_in_turn(search: StreamSearch, portrait: UInt8Array) -> None:
    large = placed(portrait, (1280, 720), 300, 300, 200)
    small = placed(portrait, (1280, 720), 1000, 200, 30)
    both = np.where((small != 110), small, large)
    assert found_at(search(both, timestamp_ms=0, thorough=True), 1000, 200, 30)
    seen = [search(both, timestamp_ms=33 * number) for number in range(1, 41)]
    assert all(found_at(faces, 300, 300, 200) for faces in seen)
    assert any(found_at(faces, 1000, 200, 30) for faces in seen)
    expected = [Expected(Region((985, 185, 1015, 215)))]
    assert all(found_at(search(both, timestamp_ms=0, expected=expected), 1000, 200, 30) for _ in range(6))


class OneModelOnly(FaceDetector):
    """Sees a small face in tiles, and more closely with the short-range model alone, as it is with profiles; with fixed scores."""

    def __init__(self, close_up: float) -> None:
        self._close_up = close_up
        self.looks = 0

    def look(self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None) -> list[Detection]:
        self.looks += 1
        if view is None or view.angle or (view.side < 200) == (model == "full_range"):
            return []
        score = self._close_up if view.side < 200 else 0.6
        return [face_at(400, 200, 30, score)] if max(abs(view.x - 400), abs(view.y - 200)) < view.side / 2 else []

    def close(self) -> None:
        """There is nothing to release."""


@pytest.mark.parametrize(("close_up", "careless", "wary"), [(1.0, True, True), (0.95, False, True), (0.75, False, False), (0.0, False, False)])
def test_a_new_face_is_believed_as_both_models_see_it_closely(close_up: float, careless: bool, wary: bool) -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    for is_wary, believed in ((False, careless), (True, wary)):
        search = StreamSearch(OneModelOnly(close_up), thresh=0.5, wary=is_wary)
        faces = search(image, timestamp_ms=0, thorough=True)
        assert bool(search.dismissed) != believed
        assert all(face.score == pytest.approx(close_up / 2) for face in search.dismissed)
        assert [face.belief for face in faces] == ([pytest.approx(close_up / 2)] if believed else [])


def test_what_was_dismissed_is_not_looked_at_closely_again_at_once() -> None:
    image, detector = np.zeros((360, 640, 3), np.uint8), OneModelOnly(0.0)
    search = StreamSearch(detector, thresh=0.5, min_face_px=40, wary=True)
    counts = []
    for number in range(8):
        before = detector.looks
        search(image, timestamp_ms=number, thorough=number in (0, 7))
        counts.append(detector.looks - before)
    assert counts[7] == counts[0]
    assert max(counts[1:7]) < counts[0]


class Clock(OneModelOnly):
    """Takes a clock for a face from afar, and never more closely."""

    def look(self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None) -> list[Detection]:
        self.looks += view is not None and not view.angle
        return [face_at(90, 90, 30, 0.6)] if view is None else []


def test_what_is_dismissed_again_and_again_is_looked_at_ever_more_rarely() -> None:
    search = StreamSearch(detector := Clock(0.0), thresh=0.5, min_face_px=40)
    looks = []
    for number in range(200):
        search(np.zeros((180, 320, 3), np.uint8), timestamp_ms=number)
        looks.append(detector.looks)
    looked = np.flatnonzero(np.diff(looks, prepend=0))
    assert np.diff(looked).tolist() == [15, 30, 60, 60]


@pytest.mark.parametrize("degrees", [180, 90])
def test_a_head_that_is_turned_over_is_found_as_it_lies(search: StreamSearch, portrait: UInt8Array, degrees: float) -> None:
    faces = search(placed(portrait, (640, 360), 320, 180, 140, degrees), timestamp_ms=0, thorough=True)
    assert found_at(faces, 320, 180, 140)
    assert abs(math.degrees(math.remainder(Region.of(faces[0]).lean - math.radians(degrees), 2 * math.pi))) < 25


class SurerFromAfar(OneModelOnly):
    """Sees a face that is followed, and is surer of it in the whole frame, where it may be somewhere else."""

    def __init__(self, from_afar: Detection) -> None:
        super().__init__(0.0)
        self._from_afar = from_afar

    def look(self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None) -> list[Detection]:
        self.looks += view is not None
        if view is None:
            return [self._from_afar] if model == "short_range" else []
        return [face_at(200, 100, 60, 0.8)] if max(abs(view.x - 200), abs(view.y - 100)) < view.side / 2 else []


@pytest.mark.parametrize(("from_afar", "looks"), [(face_at(203, 98, 66, 0.95), 0), (face_at(225, 125, 60, 0.95), 2)])
def test_a_face_that_is_followed_is_not_taken_for_a_new_one_however_sure(from_afar: Detection, looks: int) -> None:
    search = StreamSearch(detector := SurerFromAfar(from_afar), thresh=0.5, min_face_px=300, wary=True)
    expected = [Expected(Region.of(face_at(200, 100, 60)))]
    counts = []
    for number in range(ROUND_FRAMES):
        before = detector.looks
        assert len(search(np.zeros((180, 320, 3), np.uint8), timestamp_ms=number, expected=expected)) == 1
        counts.append(detector.looks - before)
    assert max(counts) == 1 + looks


class TakesTwoForOne(OneModelOnly):
    """Takes a face and its mirror image at the border for one face, on the border, larger than either."""

    def __init__(self, seen: Detection) -> None:
        super().__init__(0.0)
        self._seen = seen

    def look(self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None) -> list[Detection]:
        if view is None or view.angle:
            return []
        return [face_at(image.shape[1], 90, 75, 0.95)] if view.mirrors else [self._seen]


@pytest.mark.parametrize(
    ("seen", "enters", "x"),
    [
        (face_at(305, 90, 60, 0.8), True, 305),
        (face_at(305, 90, 60, 0.8), False, 320),  # what has been inside as a whole goes out, and shows ever less
        (face_at(305, 90, 60, 0.31), True, 320),
        (face_at(305, 90, 40, 0.8), True, 320),  # a part of a face
        (face_at(310, 90, 60, 0.8), True, 320),
    ],
)
def test_a_face_that_comes_in_is_not_taken_for_one_with_its_mirror_image(seen: Detection, enters: bool, x: int) -> None:
    search = StreamSearch(TakesTwoForOne(seen), thresh=0.5)
    expected = [Expected(Region.of(face_at(320, 90, 60)), enters=enters)]
    (face,) = search(np.zeros((180, 320, 3), np.uint8), timestamp_ms=0, expected=expected)
    assert face.box[0] + face.box[2] == 2 * x


class Surely(OneModelOnly):
    """Sees a face wherever it looks closely, and notes which model was asked."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.asked: list[ModelName] = []

    def look(self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None) -> list[Detection]:
        self.asked.append(model)
        return [face_at(160, 90, 60)]


@pytest.mark.parametrize(("wary", "first"), [(False, "full_range"), (True, "short_range")])
def test_the_model_that_places_a_face_better_is_asked_first_unless_every_frame_is_searched(wary: bool, first: ModelName) -> None:
    search = StreamSearch(detector := Surely(), thresh=0.5, wary=wary)
    search(np.zeros((180, 320, 3), np.uint8), timestamp_ms=0, expected=[Expected(Region.of(face_at(160, 90, 60)))])
    assert detector.asked[0] == first


class Two(OneModelOnly):
    """Sees two faces wherever it looks."""

    def __init__(self, *seen: Detection) -> None:
        super().__init__(0.0)
        self._seen = seen

    def look(self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None) -> list[Detection]:
        return list(self._seen)


@pytest.mark.parametrize(("apart", "followed", "faces"), [(25, 2, 2), (10, 2, 1), (25, 1, 1)])
def test_two_faces_that_are_followed_stay_two_while_one_passes_the_other(apart: int, followed: int, faces: int) -> None:
    seen = face_at(150, 90, 60, 0.9), face_at(150 + apart, 90, 60, 0.8)
    search = StreamSearch(Two(*seen), thresh=0.5)
    expected = [Expected(Region.of(face)) for face in seen[:followed]]
    assert len(search(np.zeros((180, 320, 3), np.uint8), timestamp_ms=0, expected=expected)) == faces


def test_a_face_is_placed_by_a_closer_look(search: StreamSearch, portrait: UInt8Array) -> None:
    (face,) = search(placed(portrait, (1280, 720), 700, 340, 150), timestamp_ms=0, thorough=True)
    (again,) = search(
        placed(portrait, (1280, 720), 705, 340, 150), timestamp_ms=33, expected=[Expected(Region.of(face), look=True)]
    )  # fmt: skip
    shift = (again.box[0] + again.box[2] - face.box[0] - face.box[2]) / 2
    assert shift == pytest.approx(5, abs=6)
    assert iou(face.moved(dx=5).box, again.box) > 0.8
    assert again.belief is not None
    assert again.belief > 0.6


@pytest.mark.parametrize(("size", "smallest"), [((640, 360), 11), ((320, 240), 10), ((1280, 720), 21), ((1920, 1080), 24), ((3840, 2160), 48)])
def test_smaller_faces_are_looked_for_where_the_image_is_small(size: tuple[int, int], smallest: int) -> None:
    assert smallest_face_px(*size) == smallest_face_px(*size[::-1]) == smallest


def test_half_a_face_at_the_border_is_found(search: StreamSearch, portrait: UInt8Array) -> None:
    image = placed(portrait, (1280, 720), 1280, 300, 180)
    faces = search(image, timestamp_ms=0, thorough=True)
    assert any(face.box[0] < 1240 and face.box[2] > 1275 and face.box[1] < 270 and face.box[3] > 330 for face in faces)


@pytest.mark.parametrize("size", [(1, 1), (7, 500), (500, 7), (64, 64)])
def test_no_size_of_frame_is_too_odd(search: StreamSearch, size: tuple[int, int]) -> None:
    assert search(np.zeros((size[1], size[0], 3), np.uint8), timestamp_ms=0, thorough=True) == ()


def test_time_may_stand_still_or_go_back(search: StreamSearch, portrait: UInt8Array) -> None:
    for milliseconds in (500, 500, 0, -20, 10_000):
        assert len(search(portrait, timestamp_ms=milliseconds, thorough=True)) >= 1


def test_what_is_no_model_is_an_error_with_what_mediapipe_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    path.write_bytes(b"no model at all")
    with pytest.raises(PrivacyError, match="cannot load"):
        MediaPipeFaceModel(path, input_px=128, confidence=0.5, mode="image")


def test_a_closed_model_fails_rather_than_finding_nothing(model_paths: object, portrait: UInt8Array) -> None:
    detector = FaceDetector(confidence=0.5, offline=True)
    detector.close()
    detector.close()
    with pytest.raises(PrivacyError):
        detector(portrait)


def test_a_model_file_that_vanishes_midway_changes_nothing(model_paths: dict[str, Path], portrait: UInt8Array, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for path in model_paths.values():
        shutil.copy(path, folder)
    with FaceDetector(confidence=0.5, offline=True, face_model=folder) as detector:
        before = detector(portrait)
        shutil.rmtree(folder)
        assert [face.box for face in detector(portrait)] == [face.box for face in before]
        assert before


def test_silencing_telemetry_leaves_the_settings_of_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    deny_telemetry()
    assert os.environ["https_proxy"] == "http://proxy.example:3128"
    assert "no_proxy" not in os.environ


def test_the_fake_search_is_a_search(search: StreamSearch) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    for one in (search, ScriptedSearch(lambda n: ())):
        assert one(image, timestamp_ms=0, expected=(), thorough=False) == ()


def test_threads_that_load_models_at_one_time_give_standard_error_back(model_paths: dict[str, Path]) -> None:
    before = os.fstat(2)
    models: list[MediaPipeFaceModel] = []
    begin = threading.Barrier(4)

    def load() -> None:
        begin.wait(60)
        models.append(MediaPipeFaceModel(model_paths["short_range"], input_px=128, confidence=0.5, mode="image"))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for model in models:
        model.close()
    assert len(models) == 4
    assert os.path.samestat(before, os.fstat(2))
