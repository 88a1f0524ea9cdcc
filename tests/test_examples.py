"""The examples run."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import cv2
import pytest

from p3mvideo.app import process as process_module
from p3mvideo.frame import UInt8Array
from tests.app.conftest import LOADED
from tests.io.media import make_video

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(autouse=True)
def _one_network(own_cache: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.engine.load_engine", LOADED)
    monkeypatch.setattr(process_module, "load_engine", LOADED)


@pytest.fixture
def video(tmp_path: Path, grace_hopper: UInt8Array) -> Path:
    small = cv2.resize(grace_hopper, (112, 128), interpolation=cv2.INTER_AREA)
    return make_video(tmp_path / "in.mp4", images=[small[:, offset : offset + 96].copy() for offset in range(3)])


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_matte_photo(tmp_path: Path, grace_hopper: UInt8Array, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "photo.jpg"), cv2.cvtColor(grace_hopper, cv2.COLOR_RGB2BGR))
    run(monkeypatch, "matte_photo.py", tmp_path / "photo.jpg", tmp_path / "cutout.png")
    cutout = cv2.imread(str(tmp_path / "cutout.png"), cv2.IMREAD_UNCHANGED)
    assert cutout is not None
    assert cutout.shape == (600, 512, 4)
    assert 60 < cutout[..., 3].mean() < 220
    assert "p3mnet-mobilenetv2" in capsys.readouterr().out


@pytest.mark.usefixtures("cached_face_models")
def test_replace_background(tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, "replace_background.py", video, tmp_path / "out.mp4", "blur")
    assert (tmp_path / "out.mp4").is_file()
    assert "3 frames in, 3 out" in capsys.readouterr().out


def test_read_mattes(video: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, "read_mattes.py", video)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["0.000 s", "0.040 s", "0.080 s"]


def test_every_example_is_tested() -> None:
    here = Path(__file__).read_text()
    assert all(f'"{path.name}"' in here for path in EXAMPLES.glob("*.py"))
