"""Where models come from, and that nothing else is taken for one."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from p3mvideo.errors import WeightsError
from p3mvideo.privacy.detect import face_models
from p3mvideo.privacy.detect.face_models import FOLDER_IN_WHEEL, FaceModel, face_model_folder, face_model_path, pull_face_models

CONTENT = {"short_range": b"short", "full_range": b"full"}


@pytest.fixture(autouse=True)
def own_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stand in for the models with little ones, and for the cache with an empty folder."""
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path / "cache"))
    models = {name: FaceModel(f"{name}.tflite", hashlib.sha256(content).hexdigest()) for name, content in CONTENT.items()}
    monkeypatch.setattr(face_models, "MODELS", models)


def write_wheel(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(f"{FOLDER_IN_WHEEL}/{name}.tflite", content)
    return path


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A package index that delivers what its "files" say, and counts."""
    state: dict[str, Any] = {"files": dict(CONTENT), "calls": [], "returncode": 0}

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        state["calls"].append(command)
        if state["returncode"] == 0:
            write_wheel(Path(command[command.index("--dest") + 1]) / "mediapipe-0.10.21-cp311.whl", **state["files"])
        return subprocess.CompletedProcess(command, state["returncode"], "", "no route to the index")

    monkeypatch.setattr(subprocess, "run", run)
    return state


def test_models_are_pulled_once_saying_so(index: dict[str, Any]) -> None:
    said: list[str] = []
    path = face_model_path("short_range", say=said.append)
    assert path.read_bytes() == b"short"
    assert path.parent == face_model_folder()
    assert "package index" in said[0]
    assert face_model_path("full_range", say=said.append).read_bytes() == b"full"
    assert len(index["calls"]) == 1
    command = index["calls"][0]
    assert command[1:3] == ["-m", "pip"]
    assert "--no-deps" in command
    assert "--only-binary=:all:" in command
    assert sorted(entry.name for entry in face_model_folder().iterdir()) == ["full_range.tflite", "short_range.tflite"]


def test_offline_never_pulls(index: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match="offline") as caught:
        face_model_path("short_range", offline=True)
    assert "weights pull" in caught.value.hint
    assert index["calls"] == []
    pull_face_models(say=lambda _: None)
    assert face_model_path("short_range", offline=True).is_file()


def test_an_index_that_cannot_be_reached_is_told_with_its_own_words(index: dict[str, Any]) -> None:
    index["returncode"] = 1
    with pytest.raises(WeightsError, match="no route to the index"):
        pull_face_models(say=lambda _: None)
    assert not face_model_folder().exists()


@pytest.mark.parametrize("files", [{"short_range": b"short", "full_range": b"forged"}, {"short_range": b"short"}])
def test_a_wheel_with_something_else_in_it_is_refused(index: dict[str, Any], files: dict[str, bytes]) -> None:
    index["files"] = files
    with pytest.raises(WeightsError, match=r"full_range\.tflite"):
        pull_face_models(say=lambda _: None)
    assert not (face_model_folder() / "full_range.tflite").exists()


def test_a_damaged_model_in_the_cache_is_refused(index: dict[str, Any]) -> None:
    path = face_model_path("short_range", say=lambda _: None)
    path.write_bytes(b"shor")
    with pytest.raises(WeightsError, match="SHA-256") as caught:
        face_model_path("short_range")
    assert "Delete" in caught.value.hint


def test_models_given_by_hand(tmp_path: Path, index: dict[str, Any]) -> None:
    folder = tmp_path / "by hand"
    folder.mkdir()
    (folder / "short_range.tflite").write_bytes(b"short")
    (folder / "full_range.tflite").write_bytes(b"full")
    wheel = write_wheel(tmp_path / "some.whl", **CONTENT)
    assert face_model_path("full_range", override=folder) == folder / "full_range.tflite"
    assert face_model_path("short_range", override=folder / "short_range.tflite") == folder / "short_range.tflite"
    assert face_model_path("full_range", override=wheel).read_bytes() == b"full"
    assert index["calls"] == []


def test_a_file_of_one_model_leaves_the_other_to_the_cache(tmp_path: Path, index: dict[str, Any]) -> None:
    (tmp_path / "mine").write_bytes(b"short")
    path = face_model_path("full_range", override=tmp_path / "mine", say=lambda _: None)
    assert path == face_model_folder() / "full_range.tflite"


@pytest.mark.parametrize("what", ["missing", "folder", "forged", "wheel"])
def test_what_is_no_model_is_refused(tmp_path: Path, what: str, index: dict[str, Any]) -> None:
    given = tmp_path / what
    if what == "folder":
        given.mkdir()
    elif what == "forged":
        given.write_bytes(b"forged")
    elif what == "wheel":
        write_wheel(given, short_range=b"forged")
    with pytest.raises(WeightsError):
        face_model_path("short_range", override=given)
    assert index["calls"] == []
