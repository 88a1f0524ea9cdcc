"""The examples run."""

from __future__ import annotations

import json
import runpy
import sys
from functools import partial
from pathlib import Path

import cv2
import pytest

import p3mvideo.options
from p3mvideo.app.process import run as process_module
from p3mvideo.evaluation.published_results import comparison, other_settings
from p3mvideo.frame import UInt8Array
from tests.app.conftest import LOADED
from tests.evaluation.miniature import miniature, tiny_weights
from tests.evaluation.test_trimap_networks import channel_network
from tests.io.media import make_video
from tests.training.miniature import split

EXAMPLES = Path(__file__).parents[2] / "examples"


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


@pytest.mark.slow
def test_log_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split(tmp_path / "data" / "train", count=2)
    monkeypatch.chdir(tmp_path)
    # With the defaults a step takes 4 GB.
    monkeypatch.setattr(p3mvideo.options, "TrainingOptions", partial(p3mvideo.options.TrainingOptions, size=64, batch=2, workers=0))
    run(monkeypatch, "log_training.py", tmp_path / "data", tmp_path / "log.csv", "1")
    lines = [line.split(",") for line in (tmp_path / "log.csv").read_text().splitlines()]
    assert ["1", "total"] in [line[:2] for line in lines]


def test_reproduce_p3m(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    data = miniature(tmp_path / "P3M-10k", count=2)
    tiny, gca = tiny_weights(tmp_path / "tiny.safetensors"), channel_network(tmp_path / "net.onnx", "gca", 1)
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, "reproduce_p3m.py", data, f"p3m-r34={tiny}", f"gca=gca:{gca}")
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    (blurred, normal), (net_blurred, net_normal), swin = (
        [row for row in rows if row[0].startswith(name)] for name in ("GCA", "P3M-Net (ResNet-34)", "P3M-Net (Swin-T)")
    )
    assert (blurred[1], net_blurred[1], normal[1], net_normal[1]) == ("4.3593", "8.73", "", "")
    assert all(float(row[2]) > 0 for row in (blurred, normal, net_blurred, net_normal))
    assert [row[1:] for row in swin] == [[""] * 4] * 2
    scores = json.loads((tmp_path / "reproduction" / "P3M-500-NP" / "summary.json").read_text())["results"]
    expected = {record["method"]: record["sad_t" if record["method"] == "net" else "sad"]["mean"] for record in scores}
    assert [normal[2], net_normal[2]] == [f"{expected[name]:.4g}" for name in ("net", "tiny")]


def test_the_benchmark_page_shows_what_the_script_prints() -> None:
    page = (EXAMPLES.parent / "docs" / "benchmark.md").read_text(encoding="utf-8")
    assert comparison({}) in page
    assert other_settings() in page


def test_every_example_is_tested() -> None:
    here = Path(__file__).read_text()
    assert all(f'"{path.name}"' in here for path in EXAMPLES.glob("*.py"))
