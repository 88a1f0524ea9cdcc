"""`flicker`: with a given matte, with the network, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3mvideo.app import flicker as module
from p3mvideo.app.flicker import Flicker, flicker
from p3mvideo.errors import ConfigError, P3MVideoError, SinkError, SourceError
from p3mvideo.frame import UInt8Array
from tests.app.conftest import LOADED
from tests.harness.flat_options import call
from tests.harness.heard import Heard
from tests.io.media import decoded, make_video


@pytest.fixture(autouse=True)
def _one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_engine", LOADED)


def wall(size: tuple[int, int] = (96, 128)) -> UInt8Array:
    pixels = np.random.default_rng(0).integers(60, 200, (*size, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 3), np.uint8)


def matte(hole: bool = False, size: tuple[int, int] = (96, 128)) -> UInt8Array:
    alpha = np.zeros((*size, 3), np.uint8)
    cv2.circle(alpha, (64, 48), 30, (255, 255, 255), -1)
    if hole:
        cv2.circle(alpha, (64, 48), 12, (0, 0, 0), -1)
    return alpha


def clip_and_matte(folder: Path, count: int = 9, hole_at: int | None = None) -> tuple[Path, Path]:
    clip = make_video(folder / "clip.mp4", images=[wall()] * count)
    return clip, make_video(folder / "matte.mp4", images=[matte(t == hole_at) for t in range(count)])


def scored(folder: Path, hole_at: int | None, **options: object) -> Flicker:
    clip, alpha = clip_and_matte(folder, hole_at=hole_at)
    return call(flicker, clip, matte=alpha, anonymize="off", output=folder / "out", overwrite=True, **options)


def test_the_worst_moment_of_a_given_matte_is_found_and_drawn(tmp_path: Path) -> None:
    found = scored(tmp_path, hole_at=5)
    assert found.report.worst == 5
    assert found.report.score > 10 * scored(tmp_path, hole_at=None).report.score
    scored(tmp_path, hole_at=5)
    plot, strip = cv2.imread(str(found.plot)), cv2.imread(str(found.strip))
    assert plot is not None
    assert strip is not None
    assert plot.shape == (320, 960, 3)
    assert strip.shape[1] == 5 * 320
    rows = list(csv.DictReader(found.scores.read_text().splitlines()))
    assert [row["frame"] for row in rows] == [str(t) for t in range(9)]
    assert max(rows, key=lambda row: float(row["flicker"]))["frame"] == "5"
    assert [float(row["seconds"]) for row in rows] == pytest.approx(found.seconds, abs=1e-3)


def test_a_matte_may_be_a_sequence_and_smaller(tmp_path: Path) -> None:
    clip, _ = clip_and_matte(tmp_path, count=5)
    for t in range(5):
        cv2.imwrite(str(tmp_path / f"alpha_{t:03d}.png"), cv2.resize(matte(t == 2), (64, 48), interpolation=cv2.INTER_AREA))
    found = call(flicker, clip, matte=tmp_path / "alpha_%03d.png", anonymize="off", output=tmp_path / "out")
    assert found.report.worst == 2


@pytest.mark.parametrize("lookahead", [0, 3])
def test_smoothing_lowers_the_score_of_the_network(tmp_path: Path, grace_hopper: UInt8Array, lookahead: int) -> None:
    rng = np.random.default_rng(0)
    small = cv2.resize(grace_hopper, (256, 288), interpolation=cv2.INTER_AREA)
    images = [np.clip(small + rng.normal(0, 12, small.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    clip = make_video(tmp_path / "clip.mp4", images=images)
    heard = Heard()
    raw = call(flicker, clip, smoothing="off", anonymize="off", output=tmp_path / "raw", listener=heard)
    steady = call(flicker, clip, lookahead=lookahead, anonymize="off", output=tmp_path / "steady")
    assert [done for _, done in heard.advanced] == list(range(1, 13))
    assert len(steady.report.scores) == len(raw.report.scores) == 12
    assert steady.report.score < 0.7 * raw.report.score


def test_an_earlier_report_is_kept(tmp_path: Path) -> None:
    clip, alpha = clip_and_matte(tmp_path)
    call(flicker, clip, matte=alpha, anonymize="off", output=tmp_path / "out")
    with pytest.raises(SinkError, match="exists"):
        call(flicker, clip, matte=alpha, anonymize="off", output=tmp_path / "out")


REFUSED: dict[str, tuple[dict[str, object], type[P3MVideoError], str]] = {
    "missing clip": ({"clip": "nowhere.mp4"}, SourceError, "there is no"),
    "an image": ({"clip": "image.png"}, ConfigError, "not one clip"),
    "matte too short": ({"matte": "short.mp4"}, SourceError, "fewer frames"),
    "matte too long": ({"matte": "long.mp4"}, SourceError, "more frames"),
    "matte of other shape": ({"matte": "other.mp4"}, SourceError, "is 128x128, the clip 128x96"),
    "strength": ({"smoothing_strength": 2.0}, ConfigError, "smoothing_strength"),
    "look-ahead": ({"lookahead": -1}, ConfigError, "lookahead is"),
    "output is a file": ({"output": "image.png/out"}, SinkError, "cannot make the folder"),
}


@pytest.mark.parametrize(("options", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: dict[str, object], error: type[P3MVideoError], message: str) -> None:
    clip, alpha = clip_and_matte(tmp_path, count=6)
    cv2.imwrite(str(tmp_path / "image.png"), wall())
    for name, count, size in (("short", 4, (96, 128)), ("long", 8, (96, 128)), ("other", 6, (128, 128))):
        make_video(tmp_path / f"{name}.mp4", images=[matte(size=size)] * count)
    here = {name: tmp_path / value if isinstance(value, str) else value for name, value in options.items()}
    given = {"clip": clip, "matte": alpha, "output": tmp_path / "out", "anonymize": "off", **here}
    with pytest.raises(error, match=message):
        call(flicker, **given)


def test_damage_of_the_clip_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = make_video(tmp_path / "clip.ts", images=[wall()] * 60, options={"g": "10", "bf": "0"})
    data = bytearray(clip.read_bytes())
    for at in range(len(data) // 2 // 188 * 188, len(data) * 2 // 3 // 188 * 188):
        data[at] = 0
    clip.write_bytes(data)
    alpha = make_video(tmp_path / "matte.mp4", images=[matte()] * len(list(decoded(clip))))
    call(flicker, clip, matte=alpha, anonymize="off", output=tmp_path / "out")
    assert [text for text in caplog.messages if "clip.ts is damaged, the score leaves out" in text]
