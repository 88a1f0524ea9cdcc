"""What the keys of the preview do to what others see."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from p3mvideo.app.live.profile import profile_path, read_profile
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.options import LiveOptions
from tests.app.live.room import PERSON, WIDTH, Stage, is_placeholder, shown_states, shows_face, wait_for


def test_panic_hides_everything_at_once_and_lets_it_go_on(stage: Stage) -> None:
    shown_in_panic = []

    def script() -> None:
        stage.wait_for_live()
        stage.press("p")
        start = len(stage.images)  # the placeholder has been sent before the key returns
        assert is_placeholder(stage.images[-1])
        wait_for(lambda: len(stage.images) >= start + 5, "more images")
        shown_in_panic.extend(stage.images[start:])
        stage.press("p")
        stage.wait_for_live()

    stage.run(script)
    stage.check()
    assert shown_in_panic
    assert all(is_placeholder(image) for image in shown_in_panic)
    assert list(shown_states(stage.images))[:4] == ["placeholder", "live", "placeholder", "live"]


def test_the_network_rests_during_a_pause(stage: Stage) -> None:
    calls = []
    stage.parts.matter_fault = lambda made, call: calls.append(call)

    def script() -> None:
        stage.wait_for_live()
        stage.press("p")
        start = len(stage.images)
        wait_for(lambda: len(stage.images) >= start + 5, "more images")  # what was on its way has arrived
        resting = len(calls)
        wait_for(lambda: len(stage.images) >= start + 12, "more images")
        assert len(calls) == resting

    stage.run(script)
    stage.check()


def test_faces_that_are_to_be_hidden_are_not_shown_from_the_key_on(stage: Stage) -> None:
    after: list[int] = []

    def script() -> None:
        wait_for(lambda: bool(stage.images) and shows_face(stage.images[-1]), "the face")
        stage.press("a")
        after.append(len(stage.images))
        stage.wait_for_live(8)
        after.append(len(stage.images))
        stage.press("a")
        wait_for(lambda: shows_face(stage.images[-1]), "the face")

    stage.run(script)
    stage.check()
    hidden = stage.images[after[0] : after[1]]
    assert not any(shows_face(image) for image in hidden)
    assert any(not is_placeholder(image) for image in hidden)
    assert stage.parts.anonymizers == ["input", "output", "input"]
    assert stage.parts.engines == 1, "the network is kept"


def test_a_key_that_comes_while_parts_are_made_is_obeyed_before_anything_is_shown(stage: Stage) -> None:
    def press_once() -> None:
        if len(stage.parts.anonymizers) == 1:
            stage.press("a")  # in the middle of a run that has begun without it

    def stop_late(self: CameraSource) -> None:
        time.sleep(0.3)
        stop(self)

    stop = CameraSource.stop
    stage.monkeypatch.setattr(CameraSource, "stop", stop_late)
    stage.parts.while_made = lambda: threading.Thread(target=press_once).start()
    stage.run(lambda: stage.wait_for_live(8))
    stage.check()
    assert stage.parts.anonymizers == ["input", "output"]
    assert not any(shows_face(image) for image in stage.images)


def test_a_run_that_began_with_hidden_faces_shows_them_only_when_told(stage: Stage) -> None:
    stage.run(lambda: stage.wait_for_live(8), anonymize="output")
    stage.check()
    assert not any(shows_face(image) for image in stage.images)


def test_mirror_exchanges_left_and_right(stage: Stage) -> None:
    def middle_of_person(mirrored: bool) -> bool:
        live = [image for image in stage.images[-5:] if not is_placeholder(image)]
        if not live:
            return False
        columns = np.nonzero((np.abs(live[-1][-2].astype(int) - PERSON) < 20).all(1))[0]
        return bool(columns.size) and (columns.mean() > WIDTH / 2) == mirrored

    def script() -> None:
        wait_for(lambda: middle_of_person(False), "the person on the left")
        stage.press("m")
        wait_for(lambda: middle_of_person(True), "the person on the right")

    stage.run(script)
    stage.check()


def test_the_key_goes_through_the_backgrounds(stage: Stage) -> None:
    def wall() -> tuple[int, ...]:
        live = [image for image in stage.images[-20:] if not is_placeholder(image)]
        return tuple(live[-1][2, 2].tolist()) if live else ()

    def script() -> None:
        wait_for(lambda: wall() == (255, 0, 0), "red")
        stage.press("b")
        wait_for(lambda: wall() == (0, 0, 96), "navy")

    stage.run(script, bg=["red", "navy"])
    stage.check()


def test_smoothing_changes_without_another_network_or_detector(stage: Stage) -> None:
    def script() -> None:
        stage.wait_for_live()
        for _ in range(3):
            stage.press("s")
            stage.wait_for_live()

    stage.run(script, smoothing="off")
    stage.check()
    assert [said for said in stage.said if said.startswith("smoothing")] == ["smoothing: ema", "smoothing: adaptive", "smoothing: off"]
    assert (stage.parts.engines, stage.parts.anonymizers) == (1, ["input"])


def test_q_ends_the_run_and_other_keys_do_nothing(stage: Stage) -> None:
    def script() -> None:
        stage.wait_for_live()
        stage.press("x")
        stage.press("")
        stage.press("q")
        wait_for(lambda: stage.controls is not None and stage.controls.quit)

    stage.run(script)
    stage.check()
    assert stage.error is None


def test_settings_are_remembered_under_the_profile(stage: Stage) -> None:
    def script() -> None:
        stage.wait_for_live()
        for key in "ambs":
            stage.press(key)
        stage.wait_for_live()

    stage.run(script, profile="desk", bg=["red", "navy"], keep="largest", light_wrap=0.5)
    stage.check()
    remembered = read_profile(profile_path("desk"))
    assert remembered == LiveOptions(bg=("navy", "red"), mirror=True, anonymize="output", smoothing="ema", keep="largest", light_wrap=0.5)


def test_a_profile_is_obeyed_and_options_win(stage: Stage) -> None:
    path = profile_path("desk")
    path.parent.mkdir(parents=True)
    path.write_text('anonymize = "output"\nbg = ["red"]\n')
    stage.run(lambda: stage.wait_for_live(5), profile="desk", bg=["lime"])
    stage.check()
    assert stage.parts.anonymizers == ["output"]
    live = [image for image in stage.images if not is_placeholder(image)]
    assert tuple(live[0][2, 2].tolist()) == (0, 255, 0)


@pytest.mark.parametrize("keep", ["all", "largest", "center"])
@pytest.mark.parametrize("light_wrap", [0.0, 0.7])
def test_every_kind_of_matte_and_light_keeps_the_room_out(stage: Stage, keep: str, light_wrap: float) -> None:
    stage.run(lambda: stage.wait_for_live(5), keep=keep, light_wrap=light_wrap, smoothing="adaptive")
    stage.check()
    assert stage.error is None
