"""The demonstration, the benchmark, and the images that they lay out."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3mvideo.app import bench as bench_module
from p3mvideo.app.bench import bench
from p3mvideo.app.demo import demo, spread_frames, sunset
from p3mvideo.app.process import run as process_module
from p3mvideo.datasets.sample_clip import make_sample_clip
from p3mvideo.errors import SinkError
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.ops.contact_sheet import contact_sheet, write_image
from p3mvideo.pipeline import STAGES
from tests.app.conftest import LOADED
from tests.harness.flat_options import call
from tests.harness.heard import Heard
from tests.io.media import make_video


@pytest.fixture(autouse=True)
def _one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (process_module, bench_module):
        monkeypatch.setattr(module, "load_engine", LOADED)


@pytest.mark.slow
@pytest.mark.usefixtures("cached_face_models")
def test_the_demonstration_makes_everything_it_speaks_of(tmp_path: Path) -> None:
    names = ["alpha.mp4", "background.png", "clip.mp4", "composite.mp4", "contact_sheet.png", "face_hidden.mp4", "report.json"]
    (tmp_path / "demo").mkdir()
    for name in names:
        (tmp_path / "demo" / name).write_bytes(b"of an earlier one")
    made = demo(tmp_path / "demo", seconds=0.2)
    assert made.result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == names
    assert all((tmp_path / "demo" / name).stat().st_size > 100 for name in names), "what was there is replaced"
    assert (made.composite, made.sheet) == (tmp_path / "demo" / "composite.mp4", tmp_path / "demo" / "contact_sheet.png")
    sheet = cv2.imread(str(made.sheet))
    assert sheet is not None
    assert sheet.shape[1] > sheet.shape[0] > 500
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert report["inputs"][0]["statistics"]["frames_out"] == 6


def test_the_demonstration_needs_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match="cannot make the folder"):
        demo(tmp_path / "file")


@pytest.mark.slow
def test_the_benchmark_measures_run_floor_and_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "_network_times", partial(bench_module._network_times, runs=6))
    heard = Heard()
    result = call(bench, seconds=0.4, size=(128, 96), background="green", anonymize="off", smoothing="off", listener=heard)
    assert [done for _, done in heard.advanced] == list(range(1, 13))
    told = json.loads(json.dumps(result.to_json()))
    assert tuple(told["run"]["stages"]) == STAGES
    assert told["run"]["frames_out"] == told["floor"]["frames_out"] == 12
    assert told["times_floor"] > 0
    assert told["startup_seconds"] > 0
    assert told["network"][0]["precision"] == "f32"
    table = result.table()
    assert "floor (decode and encode alone)" in table
    assert "network alone at 512x288, f32" in table


def test_the_benchmark_takes_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "_network_times", lambda engine: ())
    path = make_video(tmp_path / "mine.mp4", frames=5)
    result = call(bench, path, anonymize="off", smoothing="off")
    assert result.clip.startswith("mine.mp4: 64x48, 25 frames per second, 5 frames")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["mine.mp4"]


def test_a_sample_clip_has_the_size_and_length_asked_for_and_moves(tmp_path: Path) -> None:
    path = make_sample_clip(tmp_path / "clip.mp4", width=96, height=64, seconds=0.5)
    with VideoSource(path) as source:
        frames = [frame.interleaved().astype(int) for frame in source]
    assert [frame.shape for frame in frames] == [(64, 96, 3)] * 15
    assert np.abs(frames[0] - frames[-1]).mean() > 1
    filmed = make_sample_clip(tmp_path / "again.mp4", width=64, height=64, seconds=0.2, clip=path)
    with VideoSource(filmed) as source:
        assert source.info.frames == 6


@pytest.mark.parametrize(("frames", "count", "expected"), [(12, 6, 6), (6, 6, 6), (13, 4, 4), (1, 6, 1)])
def test_frames_are_spread_evenly(tmp_path: Path, frames: int, count: int, expected: int) -> None:
    path = make_video(tmp_path / "clip.mp4", frames=frames)
    assert len(list(spread_frames(path, count))) == expected


def test_a_contact_sheet_holds_all_images_at_one_size() -> None:
    red, blue = np.full((40, 60, 3), (255, 0, 0), np.uint8), np.full((80, 120, 3), (0, 0, 255), np.uint8)
    sheet = contact_sheet([("input", [red, red]), ("matte", [blue, blue])])
    assert (sheet == (255, 0, 0)).all(2).sum() == 2 * 40 * 60
    assert (sheet == (0, 0, 255)).all(2).sum() == 2 * 40 * 60


def test_a_image_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot write"):
        write_image(tmp_path / "none" / "sunset.png", sunset(16, 9))
