"""What the keys of the preview do to what others see."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from p3mvideo.app.live import main_loop
from p3mvideo.app.live.background import FALLBACK
from p3mvideo.app.live.output_gate import LiveState, OutputGate
from p3mvideo.app.live.preview import keys, room_photo
from p3mvideo.app.live.preview.keys import KEYS
from p3mvideo.app.live.profile import profile_path, read_profile, settings_folder, write_profile
from p3mvideo.app.live.quality.step_check import Seen
from p3mvideo.errors import ConfigError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.io.devices.virtual_camera import VirtualCamera
from p3mvideo.matte import Matte
from p3mvideo.options import LiveOptions
from tests.app.live.room import (
    HEIGHT,
    PERSON,
    ROOM,
    WIDTH,
    RoomCamera,
    Stage,
    is_near,
    is_placeholder,
    shown_states,
    shows_face,
    wait_for,
    wait_for_standstill,
)


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
        wait_for_standstill(lambda: len(calls), "the network")  # what was on its way has arrived
        resting, start = len(calls), len(stage.images)
        wait_for(lambda: len(stage.images) >= start + 7, "more images")
        assert len(calls) == resting

    stage.run(script)
    stage.check()


@pytest.mark.parametrize("release", [True, False])
def test_while_no_one_watches_the_camera_is_released_if_that_is_wanted(stage: Stage, *, release: bool) -> None:
    stage.monkeypatch.setattr(main_loop, "VIEWERS_SECONDS", 0.05)
    stage.monkeypatch.setattr(main_loop, "REST_SECONDS", 0.2)
    stage.monkeypatch.setattr(main_loop, "RELEASE_SECONDS", 0.6)
    viewers = 1
    stage.monkeypatch.setattr(VirtualCamera, "viewers", lambda self: viewers)
    cameras: list[RoomCamera] = []
    make = RoomCamera.__init__

    def keep(self: RoomCamera, fault: Callable[[int], tuple[int, int] | None]) -> None:
        make(self, fault)
        cameras.append(self)

    stage.monkeypatch.setattr(RoomCamera, "__init__", keep)

    def script() -> None:
        nonlocal viewers
        stage.wait_for_live()
        viewers = 0
        wait_for(lambda: "Video paused: no one is watching" in stage.said, "the rest")
        if release:
            wait_for(lambda: cameras[-1].closed, "the camera to be released")
        else:
            start = len(stage.images)
            wait_for(lambda: len(stage.images) > start + 10, "a second of rest")
            assert not cameras[-1].closed
        viewers = 1
        stage.wait_for_live()

    stage.run(script, release_camera=release)
    stage.check()
    assert stage.error is None
    assert stage.opened == (2 if release else 1)


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
        wait_for(lambda: is_near(wall(), (255, 0, 0)), "red")
        stage.press("b")
        wait_for(lambda: is_near(wall(), (0, 0, 96)), "navy")

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
    assert [said for said in stage.said if said.startswith("Smoothing")] == ["Smoothing ema", "Smoothing adaptive", "Smoothing off"]
    assert (stage.parts.engines, stage.parts.anonymizers) == (1, ["input"])
    assert list(shown_states(stage.images)) == ["placeholder", "live", "placeholder"], "the video goes on meanwhile"


def test_every_key_answers_for_two_seconds_and_is_in_the_list(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, str] = {}

    def script() -> None:
        stage.wait_for_live()
        controls = stage.controls
        assert controls is not None
        for key in "bv+-aslzmpprfk":
            stage.press(key)
            answers[key] = controls.answer
        assert controls.answer == "Statistics on", "a key without a meaning says nothing"
        stage.press("?")
        assert controls.help
        monkeypatch.setattr(keys, "ANSWER_SECONDS", 0.0)
        stage.press("?")
        stage.press("f")
        assert controls.answer == ""

    stage.run(script, bg=["blur:0.5", "red"])
    stage.check()
    assert answers.pop("k") == "Statistics on"
    assert answers == {
        "b": "Background 2 of 9: red", "v": "Background 1 of 9: blur 50 %", "+": "Blur 60 %", "-": "Blur 50 %", "a": "Faces: hidden from viewers",
        "s": "Smoothing ema", "l": "Light on the person: 30 %", "z": "Zoom to the person on", "m": "Mirror on", "p": "Visible again",
        "r": "Nothing is being recorded: start with --record FILE", "f": "Statistics on",
    }  # fmt: skip
    assert {key.keys[0] for key in KEYS} == {*answers, "t", "?", "q"}


def test_the_state_after_a_key_is_not_that_of_the_beginning(stage: Stage) -> None:
    states: list[LiveState] = []
    show = OutputGate.pause

    def pause(self: OutputGate, reason: str) -> None:
        show(self, reason)
        states.append(self.state)

    stage.monkeypatch.setattr(OutputGate, "pause", pause)

    def script() -> None:
        stage.wait_for_live()
        stage.press("a")
        stage.wait_for_live()

    stage.run(script)
    assert states == [LiveState.STARTING, LiveState.CHANGING, LiveState.PAUSED]


def test_a_blur_that_was_changed_by_key_is_remembered_in_place_of_the_former_one(stage: Stage) -> None:
    def script() -> None:
        stage.wait_for_live()
        for key in "++b+":
            stage.press(key)
        stage.press("v")

    stage.run(script, profile="desk", bg=["blur:0.3", "red"])
    assert read_profile(profile_path("desk")).bg == ("blur:0.5", "red")
    assert "This background is not a blur: press b until it is" in stage.said


def test_a_folder_stands_for_the_images_in_it(stage: Stage) -> None:
    folder = stage.folder / "walls"
    folder.mkdir()
    for name, colour in (("a.png", (0, 0, 200)), ("b.png", (200, 0, 0))):
        cv2.imwrite(str(folder / name), np.full((HEIGHT, WIDTH, 3), colour[::-1], np.uint8))
    (folder / "notes.txt").write_text("not an image")

    def wall() -> tuple[int, ...]:
        live = [image for image in stage.images[-20:] if not is_placeholder(image)]
        return tuple(live[-1][2, 2].tolist()) if live else ()

    def script() -> None:
        wait_for(lambda: is_near(wall(), (0, 0, 200)), "the first image")
        stage.press("b")
        wait_for(lambda: is_near(wall(), (200, 0, 0)), "the second image")

    stage.run(script, profile="desk", bg=[str(folder)])
    stage.check()
    assert "Background 2 of 9: b.png" in stage.said
    assert read_profile(profile_path("desk")).bg == (str(folder / "b.png"), str(folder))


def test_a_remembered_background_that_is_gone_leaves_a_plain_colour_until_it_is_back(stage: Stage) -> None:
    stage.monkeypatch.setattr(main_loop, "FILE_SECONDS", 0.05)
    gone, emptied = stage.folder / "gone.png", stage.folder / "emptied"
    emptied.mkdir()
    remembered = LiveOptions(bg=(str(gone), str(emptied)), smoothing="off")
    write_profile(profile_path("desk"), remembered)

    def wall() -> tuple[int, ...]:
        live = [image for image in stage.images[-20:] if not is_placeholder(image)]
        return tuple(live[-1][2, 2].tolist()) if live else ()

    def script() -> None:
        wait_for(lambda: is_near(wall(), FALLBACK), "the plain colour")
        cv2.imwrite(str(gone), np.full((HEIGHT, WIDTH, 3), (0, 0, 200)[::-1], np.uint8))
        wait_for(lambda: is_near(wall(), (0, 0, 200)), "the image")

    stage.run(script, profile="desk", bg=None)
    stage.check()
    assert stage.error is None
    assert f"the background of the last run, {gone}, cannot be opened; a plain colour takes its place" in stage.said
    assert read_profile(profile_path("desk")) == remembered


def test_files_are_remembered_by_their_whole_path(stage: Stage) -> None:
    stage.monkeypatch.chdir(stage.folder)
    cv2.imwrite("wall.png", np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    stage.run(stage.wait_for_live, profile="desk", bg=["wall.png", "blur:0.5", "sunset"])
    assert read_profile(profile_path("desk")).bg == (str(stage.folder / "wall.png"), "blur:0.5", "sunset")


def test_a_background_that_is_asked_for_must_be_there(stage: Stage) -> None:
    stage.run(lambda: None, bg=[str(stage.folder / "gone.png")])
    assert isinstance(stage.error, ConfigError)
    assert not stage.images


def test_a_background_that_cannot_be_opened_is_told_passed_by_and_not_remembered(stage: Stage) -> None:
    broken = stage.folder / "broken.png"
    broken.write_bytes(b"no image")
    names: list[str] = []

    def script() -> None:
        stage.wait_for_live()
        assert stage.controls is not None
        stage.press("b")
        wait_for(lambda: "the background stays as it is" in stage.controls.answer, "the answer")  # type: ignore[union-attr]
        names.append(stage.controls.states()[0])
        stage.press("b")
        names.append(stage.controls.states()[0])

    stage.run(script, profile="desk", bg=["red", str(broken), "green"])
    stage.check()
    assert names == ["[b] red", "[b] green"]
    assert read_profile(profile_path("desk")).bg[0] == "green"


def test_a_recording_must_not_replace_what_it_is_made_of(stage: Stage) -> None:
    wall = stage.folder / "wall.png"
    cv2.imwrite(str(wall), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    before = wall.read_bytes()
    stage.run(lambda: None, bg=[str(wall)], record=stage.folder / "." / "wall.png", overwrite=True)
    assert isinstance(stage.error, ConfigError)
    assert "both shown and recorded" in stage.error.message
    assert wall.read_bytes() == before


@pytest.mark.parametrize("has_pictures", [False, True])
def test_a_folder_with_the_name_of_a_shipped_background_comes_under_no_key(stage: Stage, *, has_pictures: bool) -> None:
    stage.monkeypatch.chdir(stage.folder)
    (stage.folder / "studio").mkdir()
    if has_pictures:
        cv2.imwrite(str(stage.folder / "studio" / "private.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    names: list[str] = []

    def script() -> None:
        stage.wait_for_live()
        for _ in range(7):
            stage.press("b")
            assert stage.controls is not None
            names.append(stage.controls.answer)

    stage.run(script)
    assert stage.error is None
    assert [name.partition(": ")[2] for name in names] == ["blur 50 %", "blur 100 %", "sunset", "shelves", "green", "white", "blur 50 %"]


def test_a_photo_of_the_room_is_taken_only_when_no_one_is_in_it(stage: Stage) -> None:
    stage.monkeypatch.setattr(room_photo, "COUNTDOWN_SECONDS", 0.2)
    away = threading.Event()
    film = RoomCamera.read

    def read(self: RoomCamera) -> UInt8Array:
        image = film(self)
        return ROOM if away.is_set() else image

    stage.monkeypatch.setattr(RoomCamera, "read", read)

    def script() -> None:
        stage.wait_for_live()
        stage.press("t")
        wait_for(lambda: "No photo: someone is in the image" in stage.said, "the refusal")
        away.set()
        wait_for(lambda: bool((stage.images[-1] == 255).all()), "an empty room")
        stage.press("t")
        wait_for(lambda: any(said.startswith("Background: room") for said in stage.said), "the photo")

    stage.run(script, profile="desk")
    (photo,) = (settings_folder() / "rooms").iterdir()
    np.testing.assert_array_equal(cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB), ROOM)
    assert read_profile(profile_path("desk")).bg == (str(photo), "white")


def test_a_photo_waits_for_an_image_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_photo, "COUNTDOWN_SECONDS", 0.0)
    photo = room_photo.RoomPhoto()
    assert photo.look(None) is None
    assert (photo.words, photo.done) == ("Photo of the room: waiting for an image", False)
    person = Seen(Frame.from_interleaved(np.zeros((4, 4, 3), np.uint8)), Matte(np.ones((1, 4, 4), np.float32)))
    assert photo.look(person) is None
    assert (photo.words, photo.done) == ("No photo: someone is in the image", True)
    monkeypatch.setattr(room_photo, "LONGEST_WAIT_SECONDS", 0.0)
    photo = room_photo.RoomPhoto()
    assert photo.look(None) is None
    assert (photo.words, photo.done) == ("No photo: there is no camera image", True)


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
    assert is_near(live[0][2, 2].tolist(), (0, 255, 0))


@pytest.mark.parametrize("keep", ["all", "largest", "center"])
@pytest.mark.parametrize("light_wrap", [0.0, 0.7])
def test_every_kind_of_matte_and_light_keeps_the_room_out(stage: Stage, keep: str, light_wrap: float) -> None:
    stage.run(lambda: stage.wait_for_live(5), keep=keep, light_wrap=light_wrap, smoothing="adaptive")
    stage.check()
    assert stage.error is None
