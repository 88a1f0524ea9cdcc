"""The real models: faces of every size, lean and place are found where they are."""

from __future__ import annotations

import math
import os
import shutil
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
from p3mvideo.privacy.detect.stream_search import StreamSearch
from p3mvideo.privacy.detect.telemetry import deny_telemetry
from p3mvideo.privacy.detection import Detection, iou
from p3mvideo.privacy.region import Region
from tests.privacy.fakes import ScriptedSearch, face_at

FACE = (176.0, 80.0, 270.0, 174.0)
"""Where the face of the portrait is, by hand."""


def placed(portrait: UInt8Array, size: tuple[int, int], x: float, y: float, side: float, degrees: float = 0.0) -> UInt8Array:
    """Return a grey picture with the portrait in it, its face about (x, y), so large and leaning clockwise."""
    scale = side / (FACE[2] - FACE[0])
    shrunk = min(1.0, 2 * scale)
    small = cv2.resize(portrait, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
    middle = ((FACE[0] + FACE[2]) / 2 * shrunk, (FACE[1] + FACE[3]) / 2 * shrunk)
    matrix = cv2.getRotationMatrix2D(middle, -degrees, scale / shrunk)
    matrix[:, 2] += (x - middle[0], y - middle[1])
    picture = np.full((size[1], size[0], 3), 110, np.uint8)
    return np.asarray(cv2.warpAffine(small, matrix, size, dst=picture, borderMode=cv2.BORDER_TRANSPARENT))


def found_at(faces: tuple[Detection, ...] | list[Detection], x: float, y: float, side: float) -> bool:
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return any(iou(face.box, box) > 0.35 for face in faces)


@pytest.mark.parametrize(
    ("x", "y", "side", "degrees"),
    [(640, 360, 300, 0), (200, 200, 120, 0), (1000, 500, 90, 30), (640, 360, 200, -60)],
    ids=["near", "middle", "far and leaning", "leaning much"],
)
def test_both_models_find_faces_of_a_picture(
    detector: FaceDetector, portrait: UInt8Array, x: float, y: float, side: float, degrees: float
) -> None:
    faces = detector(placed(portrait, (1280, 720), x, y, side, degrees))
    assert found_at(faces, x, y, side)
    best = max(faces, key=lambda face: face.score)
    assert math.degrees(Region.of(best).lean) == pytest.approx(degrees, abs=25)
    assert 0.3 <= best.score <= 1


def test_small_faces_are_found_in_tiles_only(detector: FaceDetector, portrait: UInt8Array) -> None:
    picture = placed(portrait, (1920, 1080), 1500, 300, 24)
    assert not found_at(detector(picture), 1500, 300, 24)
    assert found_at(detector(picture, min_face_px=24), 1500, 300, 24)


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
    expected = [Region((985, 185, 1015, 215))]
    assert all(found_at(search(both, timestamp_ms=0, expected=expected), 1000, 200, 30) for _ in range(6))


class OneModelOnly(FaceDetector):
    """Sees a small face in tiles, and more closely with the short-range model alone, as it is with profiles; with fixed scores."""

    def __init__(self, in_tiles: float, close_up: float) -> None:
        self._scores = in_tiles, close_up

    def look(
        self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None
    ) -> list[Detection]:
        if view is None or (is_close := view.side < 200) == (model == "full_range"):
            return []
        return [face_at(400, 200, 30, self._scores[is_close])] if max(abs(view.x - 400), abs(view.y - 200)) < view.side / 2 else []

    def close(self) -> None:
        """There is nothing to release."""


@pytest.mark.parametrize(("in_tiles", "close_up", "believed"), [(0.6, 0.52, True), (0.7, 0.42, True), (0.6, 0.45, False), (0.75, 0.0, False)])
def test_a_wary_search_believes_what_two_looks_say(in_tiles: float, close_up: float, believed: bool) -> None:
    picture = np.zeros((720, 1280, 3), np.uint8)
    for wary in (False, True):
        search = StreamSearch(OneModelOnly(in_tiles, close_up), thresh=0.5, wary=wary)
        assert (search(picture, timestamp_ms=0, thorough=True) != ()) == (wary and believed)


def test_half_a_face_at_the_border_is_found(search: StreamSearch, portrait: UInt8Array) -> None:
    picture = placed(portrait, (1280, 720), 1280, 300, 180)
    faces = search(picture, timestamp_ms=0, thorough=True)
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


def test_a_model_file_that_vanishes_midway_changes_nothing(
    model_paths: dict[str, Path], portrait: UInt8Array, tmp_path: Path
) -> None:
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
    picture = np.zeros((48, 64, 3), np.uint8)
    for one in (search, ScriptedSearch(lambda n: ())):
        assert one(picture, timestamp_ms=0, expected=(), thorough=False) == ()
