"""Which camera is meant, what devices answer, and files played as cameras."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from p3mvideo.app.live import camera_choice as live_camera
from p3mvideo.app.live.camera_choice import choose_camera
from p3mvideo.app.live.profile import last_camera, remember_camera
from p3mvideo.datasets.sample_clip import make_sample_clip
from p3mvideo.errors import DeviceError, P3MVideoError, SourceError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.devices import camera_source
from p3mvideo.io.devices.camera import DeviceCamera, PlayedFile
from p3mvideo.io.devices.camera_list import CameraDevice, find_camera, list_cameras
from p3mvideo.io.devices.camera_source import CameraSource, to_size
from p3mvideo.io.devices.v4l2 import Capability, fourcc, modes, output_format, query, read_capability
from tests.app.live.room import wait_for, wait_for_standstill

CAMERAS = [
    CameraDevice("Integrated Webcam", 0, "/dev/video0"),
    CameraDevice("Logitech C920", 2, "/dev/video2"),
    CameraDevice("Logitech BRIO", 4, "/dev/video4"),
    CameraDevice("video6", 6, "/dev/video6", problem="no permission"),
]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("", 0), ("2", 2), ("/dev/video4", 4), ("Logitech C920", 2), ("c920", 2), ("brio", 4), ("webcam", 0)],
)
def test_an_index_a_name_or_a_part_of_it_means_a_camera(wanted: str, index: int) -> None:
    assert find_camera(wanted, CAMERAS).index == index


@pytest.mark.parametrize(
    ("wanted", "cameras", "message"),
    [
        ("", [], "there is no camera"),
        ("", CAMERAS[3:], "no camera can be used: video6: no permission"),
        ("6", CAMERAS, "cannot be used: no permission"),
        ("1", CAMERAS, "there is no camera '1'"),
        ("logitech", CAMERAS, "2 cameras have 'logitech' in their name"),
        ("/dev/video9", CAMERAS, "there is no camera"),
    ],
)
def test_what_means_no_camera_is_an_error_that_lists_them(wanted: str, cameras: Sequence[CameraDevice], message: str) -> None:
    with pytest.raises(DeviceError, match=message) as caught:
        find_camera(wanted, cameras)
    if len(cameras) > 1 and "permission" not in message:
        assert "2 (Logitech C920)" in caught.value.hint


def test_two_cameras_of_one_name_are_told_apart_by_index() -> None:
    twins = [CameraDevice("Cam", 0), CameraDevice("Cam", 2)]
    assert find_camera("2", twins).index == 2
    assert find_camera("Cam", twins).index == 0


@pytest.mark.parametrize(
    ("wanted", "last", "name"),
    [
        (None, "Logitech BRIO", "Logitech BRIO"),
        (None, "Gone", "Integrated Webcam"),
        (None, "video6", "Integrated Webcam"),
        ("c920", "Logitech BRIO", "Logitech C920"),
    ],
)
def test_without_a_wish_the_camera_that_was_used_last_is_taken_if_it_is_there(
    wanted: str | None, last: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_camera, "list_cameras", lambda: CAMERAS)
    monkeypatch.setenv("P3MVIDEO_CONFIG", str(tmp_path))
    assert last_camera() is None
    remember_camera(last)
    assert choose_camera(wanted, last_camera()).name == name


def test_a_camera_that_was_plugged_in_elsewhere_is_the_same_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    present = [CameraDevice("Cam", 0), CameraDevice("Other", 2)]
    monkeypatch.setattr(live_camera, "list_cameras", lambda: present)
    opened: list[int] = []
    monkeypatch.setattr(live_camera, "DeviceCamera", lambda device, **_: opened.append(device.index))
    chosen = choose_camera("cam")
    assert (chosen.name, chosen.is_device) == ("Cam", True)
    chosen.open((640, 480), Fraction(30))
    present[:] = [CameraDevice("Other", 0), CameraDevice("Cam", 4)]
    chosen.open((640, 480), Fraction(30))
    present[:] = [CameraDevice("Other", 0)]
    with pytest.raises(DeviceError, match="the camera Cam is not there"):
        chosen.open((640, 480), Fraction(30))
    assert opened == [0, 4]


def test_a_url_is_a_camera_of_which_no_password_is_told() -> None:
    chosen = choose_camera("rtsp://user:secret@127.0.0.1:9/stream?pwd=secret")
    assert (chosen.name, chosen.is_device) == ("127.0.0.1:9/stream", False)
    with pytest.raises(SourceError) as caught:
        chosen.open((640, 480), Fraction(30))
    assert "rtsp://127.0.0.1:9/stream" in caught.value.message
    assert "secret" not in caught.value.message


def test_a_name_that_is_too_long_is_no_camera() -> None:
    with pytest.raises(DeviceError):
        choose_camera(5000 * "x")


@pytest.mark.parametrize("name", ["nothere.mp4", "clips/nothere", "/somewhere/else.mkv", "NOTHERE.MOV"])
def test_a_file_that_is_not_there_is_called_a_file(name: str) -> None:
    with pytest.raises(SourceError, match=f"there is no file {name}"):
        choose_camera(name)


def capability(driver: bytes, card: bytes, every: int, own: int) -> bytes:
    """Return what the ioctl VIDIOC_QUERYCAP fills in."""
    return struct.pack("<16s32s32sIII12x", driver, card, b"usb-1", 0x60000, every, own)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (capability(b"uvcvideo", b"HD Webcam", 0x84A00001, 0x04200001), Capability("uvcvideo", "HD Webcam", "usb-1", True, False)),
        (capability(b"uvcvideo", b"HD Webcam", 0x84A00001, 0x04A00000), Capability("uvcvideo", "HD Webcam", "usb-1", False, False)),
        (capability(b"v4l2 loopback", b"p3mvideo", 0x85208002, 0x05208002), Capability("v4l2 loopback", "p3mvideo", "usb-1", False, True)),
        (capability(b"old", "Kaméra".encode(), 0x00000001, 0), Capability("old", "Kaméra", "usb-1", True, False)),
    ],
)
def test_what_a_device_says_of_itself(answer: bytes, expected: Capability) -> None:
    assert len(answer) == 104
    assert read_capability(answer) == expected
    assert expected.is_loopback == (expected.driver == "v4l2 loopback")


def test_pixel_formats_by_their_code() -> None:
    assert [fourcc(0x47504A4D), fourcc(0x56595559), fourcc(0x20303159)] == ["MJPG", "YUYV", "Y10"]


def test_files_that_are_no_devices_are_no_cameras(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.write_bytes(b"")
    with pytest.raises(OSError, match=r"ioctl|appropriate"):
        query(path)
    with pytest.raises(OSError, match=r"ioctl|appropriate"):
        output_format(path)
    assert modes(path) == []
    assert all(camera.name for camera in list_cameras())


def test_a_camera_that_cannot_be_opened_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match="the camera Gone cannot be opened"):
        DeviceCamera(CameraDevice("Gone", 97), size=(640, 480), rate=Fraction(30))
    assert capfd.readouterr().err == ""


def test_a_file_is_played_in_real_time_over_and_over(tmp_path: Path) -> None:
    clip = make_sample_clip(tmp_path / "clip.mp4", width=64, height=48, seconds=0.5)
    camera = PlayedFile(clip)
    try:
        assert camera.rate == 30
        started = time.perf_counter()
        images = [camera.read() for _ in range(40)]
        seconds = time.perf_counter() - started
    finally:
        camera.close()
    assert seconds >= 39 / 30 - 0.05
    np.testing.assert_array_equal(images[2], images[17])
    assert not np.array_equal(images[2], images[12])


def test_a_file_that_cannot_be_played_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(SourceError):
        choose_camera(str(path)).open((640, 480), Fraction(30))


class ScriptedCamera:
    """Delivers images of given sizes, as fast as they are read."""

    def __init__(self, sizes: Sequence[tuple[int, int]], error: P3MVideoError | None = None) -> None:
        self.rate: Fraction | None = None
        self._sizes = list(sizes)
        self._error = error

    def read(self) -> UInt8Array:
        time.sleep(0.005)
        if not self._sizes:
            raise self._error or SourceError("the end")
        width, height = self._sizes.pop(0)
        return np.full((height, width, 3), 9, np.uint8)

    def close(self) -> None:
        self._sizes = []


def test_frames_have_the_first_size_made_even_and_times_that_only_grow() -> None:
    source = CameraSource(lambda: ScriptedCamera([(65, 49)] * 5 + [(130, 98)] * 3 + [(33, 80)] * 400))
    with source:
        assert (source.info.width, source.info.height, source.info.live) == (64, 48, True)
        frames = []
        for frame in source:
            frames.append(frame)
            if len(frames) == 20:
                source.stop()
    assert {(frame.width, frame.height) for frame in frames} == {(64, 48)}
    assert all(later.pts > earlier.pts for earlier, later in pairwise(frames))
    assert source.captured >= len(frames)


def test_it_can_be_iterated_again() -> None:
    with CameraSource(lambda: ScriptedCamera([(64, 48)] * 4000)) as source:
        source.stop()
        assert list(source) == []
        for _ in source:
            source.stop()
        source.paused = True
        source.stop()
        assert list(source) == []


def test_while_it_is_paused_nothing_is_delivered_or_counted() -> None:
    with CameraSource(lambda: ScriptedCamera([(64, 48)] * 8000)) as source:
        delivered: list[int] = []

        def take() -> None:
            delivered.extend(frame.pts for frame in source)

        taker = threading.Thread(target=take)
        taker.start()
        wait_for(lambda: len(delivered) >= 3)
        source.paused = True
        wait_for_standstill(lambda: (len(delivered), source.captured, source.dropped), "the camera")  # what was on its way has arrived
        counts = len(delivered), source.captured, source.dropped
        time.sleep(0.2)
        assert (len(delivered), source.captured, source.dropped) == counts
        source.paused = False
        wait_for(lambda: len(delivered) >= counts[0] + 3)
        source.stop()
        taker.join(60)
        assert not taker.is_alive()


def test_a_camera_that_cannot_be_opened_at_first_is_an_error() -> None:
    def refuse() -> ScriptedCamera:
        raise DeviceError("no such camera")

    with pytest.raises(DeviceError, match="no such camera"), CameraSource(refuse):
        pass


def test_a_camera_that_shows_nothing_at_first_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_source, "OPENING_SECONDS", 0.1)

    over = threading.Event()

    class Silent(ScriptedCamera):
        def read(self) -> UInt8Array:
            over.wait()
            raise SourceError("too late")

    with pytest.raises(SourceError, match=r"shows nothing within 0\.1 s"), CameraSource(lambda: Silent([])):
        pass
    over.set()


@pytest.mark.parametrize(
    ("size", "wanted"), [((100, 50), (50, 50)), ((50, 100), (50, 50)), ((51, 50), (50, 50)), ((20, 10), (80, 40)), ((3, 200), (64, 48))]
)
def test_another_size_is_filled_without_distortion(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    image = np.stack([x, y, 0 * x], 2).astype(np.uint8)
    got = to_size(image, *wanted)
    assert got.shape == (wanted[1], wanted[0], 3)
    scale = min(size[0] / wanted[0], size[1] / wanted[1])
    step_x = (int(got[0, -1, 0]) - int(got[0, 0, 0])) / (wanted[0] - 1)
    step_y = (int(got[-1, 0, 1]) - int(got[0, 0, 1])) / (wanted[1] - 1)
    assert step_x == pytest.approx(scale, abs=0.1)
    assert step_y == pytest.approx(scale, abs=0.1)
