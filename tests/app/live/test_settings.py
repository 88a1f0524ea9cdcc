"""Settings, profiles, the placeholder, the preview's drawing, and the command's options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from p3mvideo.app.live.output_gate import TITLES, LiveState
from p3mvideo.app.live.preview.drawing import BAR_PX, COLOURS, KEYS, LONG_SIDE_PX, draw_preview
from p3mvideo.app.live.preview.placeholder import placeholder
from p3mvideo.app.live.profile import profile_path, read_profile, write_profile
from p3mvideo.cli import app
from p3mvideo.errors import ConfigError
from p3mvideo.io.devices.preview_window import NO_SCREEN, window_problem
from p3mvideo.options import LiveOptions


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"anonymize": "maybe"}, "anonymize is 'maybe', expected input, output or off"),
        ({"keep": "me"}, "keep is 'me'"),
        ({"smoothing": 3}, "smoothing is 3"),
        ({"light_wrap": 1.5}, "light_wrap is 1.5, expected a number from 0 to 1"),
        ({"smoothing_strength": "much"}, "smoothing_strength is 'much', expected a number from 0 to 1"),
        ({"fps": 0}, "fps is 0, expected a number from 1 to 240"),
        ({"fps": True}, "fps is True, expected a number"),
        ({"mirror": 1}, "mirror is 1, expected true or false"),
        ({"bg": []}, "bg is one background or more"),
        ({"bg": [3]}, "bg is .*expected texts"),
        ({"size": [640]}, "size is .*expected 2 whole numbers"),
        ({"size": [640, 0]}, "size is .*expected 2 whole numbers"),
        ({"colour": "red"}, "there is no option 'colour'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LiveOptions.from_json(values)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1)


@given(
    bg=st.lists(NAMES, min_size=1).map(tuple), mirror=st.booleans(), anonymize=st.sampled_from(["input", "output", "off"]),
    light_wrap=st.floats(0, 1), size=st.tuples(st.integers(2, 9999), st.integers(2, 9999)),
)  # fmt: skip
def test_what_is_remembered_is_what_was_set(tmp_path_factory: pytest.TempPathFactory, **values: Any) -> None:
    path = tmp_path_factory.mktemp("profiles") / "webcam" / "cam.toml"
    settings = LiveOptions(**values)
    write_profile(path, settings)
    assert read_profile(path) == settings
    assert [file.name for file in path.parent.iterdir()] == ["cam.toml"]


def test_without_a_profile_settings_are_the_usual_ones(tmp_path: Path) -> None:
    assert read_profile(tmp_path / "none.toml") == LiveOptions()


@pytest.mark.parametrize("content", ['anonymize = "outputt"', "anonymize", 'faces = "hide"', "\xff\xfe", "light_wrap = [1]"])
def test_a_damaged_profile_is_not_passed_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cam.toml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"the profile .* cannot be used") as caught:
        read_profile(path)
    assert "--profile none" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "webcam").write_text("a file in place of the folder")
    with pytest.raises(ConfigError, match="could not be remembered"):
        write_profile(tmp_path / "webcam" / "cam.toml", LiveOptions())


@pytest.mark.parametrize(
    ("name", "file"),
    [("HD Pro Webcam C920", "HD_Pro_Webcam_C920.toml"), ("../../etc/passwd", "etc_passwd.toml"), ("", "camera.toml"), ("é/…", "camera.toml")],
)
def test_a_profile_is_a_file_in_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, file: str) -> None:
    monkeypatch.setenv("P3MVIDEO_CONFIG", str(tmp_path))
    assert profile_path(name) == tmp_path / "webcam" / file


@pytest.mark.parametrize("size", [(1280, 720), (96, 64), (2, 2), (720, 1280)], ids=str)
def test_placeholders_differ_by_what_they_say_and_fit_every_size(size: tuple[int, int]) -> None:
    images = [placeholder(*size, title) for title in TITLES.values()]
    assert {(image.shape, image.dtype) for image in images} == {((size[1], size[0], 3), np.dtype(np.uint8))}
    if min(size) > 50:
        assert not any(np.array_equal(one, two) for i, one in enumerate(images) for two in images[i + 1 :])


@pytest.mark.parametrize("state", list(LiveState))
def test_the_preview_says_the_state_in_its_colour_and_shows_the_image(state: LiveState) -> None:
    image = np.random.default_rng(0).integers(0, 256, (180, 320, 3)).astype(np.uint8)
    before = image.copy()
    drawn = draw_preview(image, state, "a note", [])
    assert drawn.shape == (180 + 2 * BAR_PX, 320, 3)
    np.testing.assert_array_equal(drawn[BAR_PX:-BAR_PX], before)
    np.testing.assert_array_equal(image, before)
    assert tuple(drawn[BAR_PX // 2, BAR_PX // 2].tolist()) == COLOURS[state]
    assert (drawn[-BAR_PX:] > 150).any(), "the keys are written below"
    with_figures = draw_preview(image, state, "a note", ["30 images per second"])
    assert not np.array_equal(with_figures[BAR_PX:-BAR_PX], before)


def test_a_large_image_is_shown_smaller() -> None:
    assert draw_preview(np.zeros((1080, 1920, 3), np.uint8), LiveState.LIVE, "", []).shape == (540 + 2 * BAR_PX, LONG_SIDE_PX, 3)


def test_a_machine_without_screen_is_told_without_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    assert window_problem() == NO_SCREEN


def test_a_screen_that_ends_the_process_is_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":77")
    assert window_problem() == NO_SCREEN


def test_every_key_of_the_preview_is_told_by_the_help() -> None:
    text = " ".join(CliRunner().invoke(app, ["webcam", "--help"]).stdout.split())
    for key in KEYS:
        assert f" {key} " in text, key


def test_without_a_camera_the_command_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.app.live.camera_choice.list_cameras", list)
    result = CliRunner().invoke(app, ["webcam"])
    assert result.exit_code == 3
    assert "there is no camera" in result.stderr


def test_cameras_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    from fractions import Fraction

    from p3mvideo.io.devices.camera_list import CameraDevice
    from p3mvideo.io.devices.v4l2 import CameraMode

    cameras = [CameraDevice("Cam", 2, "/dev/video2", (CameraMode("MJPG", 1280, 720, Fraction(30)),)), CameraDevice("X", 3, problem="no permission")]
    monkeypatch.setattr("p3mvideo.io.devices.camera_list.list_cameras", lambda: cameras)
    result = CliRunner().invoke(app, ["webcam", "--list-cameras"])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["2  Cam", "     1280x720 MJPG, 30 frames per second", "3  X  (no permission)"]
