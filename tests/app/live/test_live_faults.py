"""What is shown when something breaks in a live run: never the room."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from p3mvideo.app.live import output_gate, session
from p3mvideo.app.live import sinks as live_sinks
from p3mvideo.app.live.output_gate import LiveState, OutputGate
from p3mvideo.app.live.quality.quality_ladder import Rung
from p3mvideo.app.live.sinks import RecordingOutput
from p3mvideo.app.live.stop_request import StopRequest
from p3mvideo.datasets.sample_clip import make_sample_clip
from p3mvideo.engine import LoadedEngine
from p3mvideo.errors import DeviceError, P3MVideoError, PrivacyError, SinkError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.devices import camera_source
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.io.video.write.recording_sink import RecordingSink
from p3mvideo.matte import Matte
from tests.app.live.fake_time import JumpingClock
from tests.app.live.recording_backend import RecordingBackend
from tests.app.live.room import (
    HEIGHT,
    PERSON,
    RUN_PX,
    WIDTH,
    ColourEngine,
    RoomStageFactory,
    Stage,
    film,
    is_near,
    is_placeholder,
    lose_camera,
    room_pixels_in_a_row,
    shown_states,
    shows_face,
    wait_for,
)


def test_the_checks_of_these_tests_see_the_room() -> None:
    assert room_pixels_in_a_row(film(3)) >= WIDTH // 3
    assert shows_face(film(3))
    assert not is_placeholder(film(3))


def test_a_camera_is_shown_after_the_placeholder_with_another_background(stage: Stage) -> None:
    stage.recording = stage.folder / "out.mp4"
    stage.run(lambda: stage.wait_for_live(10))
    stage.check()
    assert stage.error is None
    assert list(shown_states(stage.images)) == ["placeholder", "live", "placeholder"]
    image = next(image for image in stage.images if not is_placeholder(image))
    assert (image[:10] == 255).all(), "the wall is white"
    assert (np.abs(image[-2, WIDTH // 2].astype(int) - PERSON) < 3).all(), "the person is there"
    assert stage.result is not None
    assert stage.result.shown >= 10
    assert stage.result.latency_p95_ms >= stage.result.latency_p50_ms > 0
    with VideoSource(stage.recording) as recording:
        assert sum(1 for _ in recording) >= 10


def test_a_camera_that_stops_delivering_gives_way_to_the_placeholder_and_comes_back(stage: Stage) -> None:
    silent, delivers = threading.Event(), threading.Event()

    def fault(opened: int, number: int) -> None:
        if number == 20 and not silent.is_set():
            silent.set()
            delivers.wait()

    stage.camera_fault = fault

    def script() -> None:
        wait_for(silent.is_set, "silence")
        stage.wait_for_placeholder()
        delivers.set()
        stage.wait_for_live()

    stage.run(script)
    stage.check()
    assert stage.error is None


def test_a_camera_that_hangs_is_opened_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_source, "SILENCE_SECONDS", 0.3)
    release = threading.Event()

    def fault(opened: int, number: int) -> None:
        if opened == 1 and number == 10:
            release.wait(60)

    stage.camera_fault = fault

    def script() -> None:
        wait_for(lambda: stage.opened >= 2, "another camera")
        stage.wait_for_live()

    stage.run(script)
    release.set()
    stage.check()


def test_a_camera_that_is_unplugged_is_opened_again_until_it_is_there(stage: Stage) -> None:
    attempts = itertools.count()

    def open_fault(opened: int) -> None:
        if opened == 1 and next(attempts) < 2:
            lose_camera()

    stage.open_fault = open_fault
    stage.camera_fault = lambda opened, number: lose_camera() if opened == 1 and number == 15 else None

    def script() -> None:
        wait_for(lambda: stage.opened == 2, "the camera to be opened again")
        stage.wait_for_live()

    stage.run(script)
    stage.check()
    assert stage.error is None
    assert list(shown_states(stage.images))[:4] == ["placeholder", "live", "placeholder", "live"]


@pytest.mark.parametrize("error", [RuntimeError("driver"), OSError(19, "No such device"), ValueError("x")], ids=lambda error: type(error).__name__)
def test_whatever_a_camera_raises_it_is_opened_again(stage: Stage, error: Exception) -> None:
    def fault(opened: int, number: int) -> None:
        if opened == 1 and number == 5:
            raise error

    stage.camera_fault = fault

    def script() -> None:
        wait_for(lambda: stage.opened == 2, "the camera to be opened again")
        stage.wait_for_live()

    stage.run(script)
    stage.check()


@pytest.mark.parametrize("size", [(2 * WIDTH, 2 * HEIGHT), (WIDTH + 1, HEIGHT), (WIDTH // 2, HEIGHT), (31, 17)], ids=str)
def test_images_of_another_size_are_brought_to_the_first_one(stage: Stage, size: tuple[int, int]) -> None:
    grown = threading.Event()

    def fault(opened: int, number: int) -> tuple[int, int] | None:
        if number < 10:
            return None
        grown.set()
        return size

    stage.camera_fault = fault

    def script() -> None:
        wait_for(grown.is_set, "the other size")
        stage.wait_for_live(6)

    stage.run(script)
    stage.check()
    assert {image.shape for image in stage.images} == {(HEIGHT, WIDTH, 3)}


def test_a_virtual_camera_that_fails_is_opened_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.app.live.sinks.RETRY_SECONDS", 0.1)

    def script() -> None:
        stage.wait_for_live()
        RecordingBackend.broken = True
        wait_for(lambda: any("takes no more images" in said for said in stage.said), "the failure to be told")
        RecordingBackend.broken = False
        stage.wait_for_live()

    stage.run(script)
    stage.check()
    assert stage.error is None
    assert len(RecordingBackend.sessions) == 2
    assert [said for said in stage.said if "is back" in said] == ["the virtual camera /dev/recording is back"]


def raises_once(error: Exception) -> Callable[[int, int], None]:
    """Return a fault of the first part that is made, at its sixth call."""

    def fault(made: int, call: int) -> None:
        if made == 1 and call == 6:
            raise error

    return fault


@pytest.mark.parametrize("error", [RuntimeError("the accelerator is gone"), PrivacyError("no faces"), MemoryError()], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("place", ["matter_fault", "anonymizer_fault"])
def test_a_network_or_detector_that_raises_is_made_anew(stage: Stage, place: str, error: Exception) -> None:
    setattr(stage.parts, place, raises_once(error))

    def script() -> None:
        wait_for(lambda: stage.parts.engines == 2, "another network")
        stage.wait_for_live()

    stage.run(script)
    stage.check()
    assert stage.error is None
    assert any("trying again (1 of 5)" in said for said in stage.said)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3.0])
def test_a_matte_with_values_that_no_matte_has_is_not_used(stage: Stage, value: float) -> None:
    find = ColourEngine.__call__

    def spoil(self: ColourEngine, images: Sequence[torch.Tensor]) -> list[Matte]:
        mattes = find(self, images)
        if stage.parts.engines == 1 and stage.live() >= 3:
            mattes[0].alpha[0, :, :40] = value
        return mattes

    stage.monkeypatch.setattr(ColourEngine, "__call__", spoil)

    def script() -> None:
        wait_for(lambda: stage.parts.engines == 2, "another network")
        stage.wait_for_live()

    stage.run(script)
    stage.check()
    assert any("not valid" in said for said in stage.said)


def test_a_network_that_always_raises_ends_the_run_with_its_error(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RETRY_SECONDS", 0.01)
    error = P3MVideoError("the network is broken")

    def fault(made: int, call: int) -> None:
        raise error

    stage.parts.matter_fault = fault
    stage.run(lambda: wait_for(lambda: stage.parts.engines > session.RETRIES and not _live_thread(), "the end"))
    stage.check()
    assert stage.error is error
    assert stage.live() == 0


def _live_thread() -> bool:
    return any(thread.name == "p3mvideo live" for thread in threading.enumerate())


class Hang:
    """A fault that hangs in one call of the first part that is made, until it is released."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._release = threading.Event()
        self.engaged = threading.Event()

    def __call__(self, made: int, call: int) -> None:
        if made == 1 and call == self._at:
            self.engaged.set()
            self._release.wait(600)

    def must_be_left_behind(self, stage: Stage, script: Callable[[], None]) -> None:
        """Run `script`, which waits for another part, and check that it got one because this hangs."""
        stage.monkeypatch.setattr(session, "STUCK_SECONDS", 0.5)
        stage.run(script)
        self._release.set()
        stage.check()
        assert any("seems to hang" in said for said in stage.said)


def test_a_network_that_hangs_is_left_behind_and_made_anew(stage: Stage) -> None:
    stage.parts.matter_fault = hang = Hang(at=6)

    def script() -> None:
        wait_for(lambda: stage.parts.engines == 2, "another network")
        stage.wait_for_live()

    hang.must_be_left_behind(stage, script)


def test_a_network_that_hangs_while_the_pipeline_comes_to_its_end_is_left_behind(stage: Stage) -> None:
    stage.parts.matter_fault = hang = Hang(at=20)

    def script() -> None:
        wait_for(hang.engaged.is_set, "the hanging network")
        stage.press("a")
        wait_for(lambda: stage.parts.engines == 2, "another network")
        stage.wait_for_live()

    hang.must_be_left_behind(stage, script)


def test_a_face_detector_that_hangs_is_left_behind_and_made_anew(stage: Stage) -> None:
    stage.parts.anonymizer_fault = hang = Hang(at=20)

    def script() -> None:
        wait_for(lambda: len(stage.parts.anonymizers) == 2, "another face detector")
        stage.wait_for_live()

    hang.must_be_left_behind(stage, script)


def test_a_long_pause_is_no_hang(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "STUCK_SECONDS", 1.0)
    # Images come out a while after they went in, so that some are on their way when the session is looked at.
    stage.parts.matter_fault = lambda made, call: time.sleep(0.1)

    def script() -> None:
        stage.wait_for_live()
        for _ in range(3):
            stage.press("p")
            time.sleep(1.5)
            stage.press("p")
            stage.wait_for_live()

    stage.run(script)
    stage.check()
    assert not any("seems to hang" in said for said in stage.said)


def write_image(path: Path, colour: tuple[int, int, int]) -> bytes:
    """Write an image of one colour and return its content."""
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), colour[::-1], np.uint8))
    return path.read_bytes()


def wall(stage: Stage) -> tuple[int, ...] | None:
    """Return the colour behind the person in the newest image of the camera."""
    live = [image for image in stage.images[-30:] if not is_placeholder(image)]
    return tuple(live[-1][2, 2].tolist()) if live else None


def test_a_background_file_that_changes_is_shown_and_half_a_file_is_not(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.app.live.main_loop.FILE_SECONDS", 0.1)
    path = stage.folder / "wall.png"
    write_image(path, (200, 180, 10))
    content = write_image(stage.folder / "other.png", (10, 180, 250))

    def script() -> None:
        wait_for(lambda: is_near(wall(stage), (200, 180, 10)), "the first background")
        path.write_bytes(content[: len(content) // 2])
        wait_for(lambda: any("the background stays as it is" in said for said in stage.said), "word of the broken file")
        stage.wait_for_live()
        assert is_near(wall(stage), (200, 180, 10))
        path.unlink()
        stage.wait_for_live(20)
        assert is_near(wall(stage), (200, 180, 10))
        path.write_bytes(content)
        wait_for(lambda: is_near(wall(stage), (10, 180, 250)), "the new background")

    stage.run(script, bg=[str(path)])
    stage.check()


def test_a_moving_background_that_breaks_gives_way_to_a_plain_colour(stage: Stage) -> None:
    path = make_sample_clip(stage.folder / "clip.mp4", width=96, height=64, seconds=0.5)

    def script() -> None:
        stage.wait_for_live()
        path.write_bytes(b"no video any more")  # found out when the clip begins again
        wait_for(lambda: any("a plain colour takes its place" in said for said in stage.said), "word of the broken file")
        stage.wait_for_live()

    stage.run(script, bg=[str(path)])
    stage.check()
    assert stage.error is None


@pytest.mark.parametrize("jump_seconds", [-3600.0, 3600.0])
def test_a_clock_that_jumps_shows_nothing_it_should_not(stage: Stage, monkeypatch: pytest.MonkeyPatch, jump_seconds: float) -> None:
    clock = JumpingClock()
    monkeypatch.setattr(output_gate.OutputGate.__init__, "__kwdefaults__", {"clock": clock})
    monkeypatch.setattr(camera_source.CameraSource.__init__, "__kwdefaults__", {"mirror": False, "clock": clock})

    def script() -> None:
        stage.wait_for_live()
        clock.offset = jump_seconds
        stage.wait_for_live(10)

    stage.run(script)
    stage.check()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_the_run_and_completes_the_recording(stage: Stage, number: signal.Signals) -> None:
    stage.recording = stage.folder / "out.mkv"
    former = signal.getsignal(number)

    def script() -> None:
        stage.wait_for_live()
        os.kill(os.getpid(), number)
        wait_for(stage.stop.is_set)

    stage.run(script)
    stage.check()
    assert stage.error is None
    assert signal.getsignal(number) == former
    assert not list(stage.folder.glob("*.part"))
    with VideoSource(stage.recording) as recording:
        images = [frame.interleaved() for frame in recording]
    assert len(images) >= 3
    assert max(room_pixels_in_a_row(image) for image in images) < RUN_PX


def test_a_signal_that_comes_twice_at_once_is_heard_once(stage: Stage) -> None:
    stage.recording = stage.folder / "out.mkv"

    def script() -> None:
        stage.wait_for_live()
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(stage.stop.is_set)
        os.kill(os.getpid(), signal.SIGINT)

    stage.run(script)
    stage.check()
    assert stage.error is None
    assert stage.recording.is_file()


def test_a_later_signal_interrupts_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.app.live.stop_request.ECHO_SECONDS", 0.0)
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(stop.is_set)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_an_accelerator_that_is_not_there_ends_the_run_at_once(stage: Stage) -> None:
    error = DeviceError("device cuda was asked for, but 0 CUDA devices are usable")

    def refuse(self: RoomStageFactory, rung: Rung) -> LoadedEngine:
        self.engines += 1
        raise error

    stage.monkeypatch.setattr(RoomStageFactory, "engine", refuse)
    stage.run(lambda: wait_for(lambda: stage.parts.engines >= 1 and not _live_thread(), "the end"))
    stage.check()
    assert stage.error is error
    assert stage.parts.engines == 1
    assert stage.live() == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="file sizes cannot be limited")
def test_a_full_disk_ends_the_recording_but_neither_the_image_nor_what_was_recorded(stage: Stage) -> None:
    stage.recording = stage.folder / "out.mp4"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def script() -> None:
        stage.wait_for_live()
        wait_for(lambda: any(part.stat().st_size > 100_000 for part in stage.folder.glob("out.unfinished-*.mp4")), "the recording to grow")
        resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, hard))
        wait_for(lambda: any("the recording ends here" in said for said in stage.said), "word of the recording")
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        stage.wait_for_live()

    try:
        stage.run(script)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)
    stage.check()
    assert isinstance(stage.error, SinkError)
    assert f"what was recorded until then is in {stage.recording}" in stage.error.__notes__
    assert [path.name for path in stage.folder.glob("out.*")] == ["out.mp4"]
    with VideoSource(stage.recording) as recording:
        assert sum(1 for _ in recording) >= 20


def test_a_recording_that_takes_long_to_complete_is_completed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = RecordingSink.finish

    def take_long(self: RecordingSink) -> None:
        wait_for(lambda: sum("the recording is being completed" in said for said in stage.said) >= 2, "patience")
        finish(self)

    monkeypatch.setattr(live_sinks, "FINISH_SECONDS", 0.1)
    monkeypatch.setattr(RecordingSink, "finish", take_long)
    stage.recording = stage.folder / "out.mkv"
    stage.run(stage.wait_for_live)
    assert stage.error is None
    with VideoSource(stage.recording) as recording:
        assert any(True for _ in recording)
    assert [path.name for path in stage.folder.glob("out.*")] == ["out.mkv"]


def test_a_run_that_ends_before_its_first_image_leaves_a_former_recording(tmp_path: Path) -> None:
    path = tmp_path / "out.mkv"
    path.write_bytes(b"a former recording")
    outlet = RecordingOutput(RecordingSink(path, StreamInfo(96, 64, Fraction(10)), overwrite=True), lambda said: None)
    gate = OutputGate(96, 64, Fraction(10), [outlet])
    gate.start()
    gate.close()
    outlet.close()
    assert path.read_bytes() == b"a former recording"
    assert list(tmp_path.iterdir()) == [path]


def test_who_does_not_wait_for_a_recording_keeps_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    finish = RecordingSink.finish

    def hang(self: RecordingSink) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        release.wait(60)
        finish(self)

    monkeypatch.setattr(RecordingSink, "finish", hang)
    sink = RecordingSink(tmp_path / "out.mkv", StreamInfo(96, 64, Fraction(10)))
    outlet = RecordingOutput(sink, lambda said: None)
    for number in range(20):
        outlet.show(Frame.from_interleaved(film(number), number, Fraction(1, 10)), LiveState.LIVE, is_repeat=False)
    with pytest.raises(KeyboardInterrupt) as caught:
        outlet.close()
    assert caught.value.__notes__ == [f"the recording was not completed; what was recorded is in {sink.unfinished}"]
    with av.open(str(sink.unfinished)) as recording:
        assert sum(1 for _ in recording.decode(video=0)) >= 5
    release.set()
    wait_for(lambda: (tmp_path / "out.mkv").is_file(), "the end")
