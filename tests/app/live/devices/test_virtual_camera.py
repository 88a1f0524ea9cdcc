"""Virtual cameras: what goes wrong, and what the user is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pyvirtualcam.camera import BACKENDS

from p3mvideo.errors import ConfigError, DeviceError, SinkError
from p3mvideo.io.devices import virtual_camera
from p3mvideo.io.devices.viewers import count_viewers
from p3mvideo.io.devices.virtual_camera import MODPROBE, VirtualCamera, backends
from tests.app.live.recording_backend import NAME, RecordingBackend, registered


@pytest.fixture
def recording() -> Iterator[type[RecordingBackend]]:
    with registered() as backend:
        yield backend


def test_images_arrive_as_they_are(recording: type[RecordingBackend]) -> None:
    camera = VirtualCamera(6, 4, Fraction(30000, 1001), device="/dev/video10", backend=NAME)
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    camera.write(image)
    camera.close()
    camera.close()
    (session,) = recording.sessions
    np.testing.assert_array_equal(session.images[0], image)
    assert (session.closed, camera.device, camera.backend, backends()) == (True, "/dev/video10", NAME, (NAME,))
    assert session.fps == pytest.approx(29.97, abs=0.01)


@pytest.mark.parametrize("size", [(5, 4), (6, 3), (0, 0)])
def test_odd_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="even"):
        VirtualCamera(*size, Fraction(30))


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("No v4l2 loopback device found at /dev/video[0-99]. Did you run 'modprobe v4l2loopback'?", "is not loaded", MODPROBE),
        ("/dev/video3 due to missing permissions. Did you add your user to the 'video' group?", "not permitted", "usermod -aG video"),
        ("Device /dev/video3 is already in use.", "in use by another program", "end that program"),
        ("Device /dev/video3 is not a video output device.", "cannot be written to", MODPROBE),
        ("Device /dev/video3 is not a V4L2 device.", "no video device", MODPROBE),
        ("Device /dev/video3 does not exist.", "there is no such device", MODPROBE),
        ("OBS Virtual Camera is not installed in your system.", "there is no virtual camera", "start its virtual camera once"),
        ("virtual camera output could not be started", "in use by another program", "stop the virtual camera in OBS"),
        ("'OBS Virtual Camera' not found.", "there is no virtual camera", "start OBS's virtual camera once"),
        ("something new", "cannot be opened: 'broken' backend: something new", ""),
    ],
)
def test_every_known_failure_is_one_line_with_its_fix(monkeypatch: pytest.MonkeyPatch, said: str, message: str, hint: str) -> None:
    class Broken:
        def __init__(self, **_: object) -> None:
            raise RuntimeError(said)

    monkeypatch.setattr("pyvirtualcam.camera.BACKENDS", {"broken": Broken})
    with pytest.raises(DeviceError) as caught:
        VirtualCamera(640, 480, Fraction(30), device="/dev/video3")
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_an_unknown_back_end_is_an_error() -> None:
    with pytest.raises(ConfigError, match="unknown virtual camera back end 'nothing'"):
        VirtualCamera(640, 480, Fraction(30), backend="nothing")


def test_without_pyvirtualcam_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_camera, "find_spec", lambda name: None)
    assert backends() == ()
    with pytest.raises(DeviceError) as caught:
        VirtualCamera(640, 480, Fraction(30))
    assert caught.value.hint == "pip install 'p3mvideo[virtualcam]'"


def test_a_write_that_fails_is_an_error_of_the_sink(recording: type[RecordingBackend]) -> None:
    camera = VirtualCamera(6, 4, Fraction(30))
    recording.broken = True
    with pytest.raises(SinkError, match=r"takes no more images: .*Input/output error"):
        camera.write(np.zeros((4, 6, 3), np.uint8))
    recording.broken = False
    with pytest.raises(SinkError, match="shape"):
        camera.write(np.zeros((4, 8, 3), np.uint8))
    camera.close()


def test_a_device_that_keeps_another_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyvirtualcam.camera.BACKENDS", {"v4l2loopback": RecordingBackend})
    monkeypatch.setattr("p3mvideo.io.devices.v4l2.output_format", lambda path: (1280, 720, "YU12"))
    with pytest.raises(DeviceError, match="is fixed to 1280x720 by a program that reads it, wanted 640x480"):
        VirtualCamera(640, 480, Fraction(30))
    VirtualCamera(1280, 720, Fraction(30)).close()


@pytest.mark.slow
def test_nothing_is_imported_before_a_virtual_camera_is_opened() -> None:
    code = "import sys, p3mvideo.io.devices.virtual_camera; sys.exit('pyvirtualcam' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def process_folder(folder: Path, *, uid: int, files: list[Path]) -> None:
    """Make what the system shows of a process."""
    (folder / "fd").mkdir(parents=True)
    (folder / "status").write_text(f"Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    for number, file in enumerate(files):
        (folder / "fd" / str(number)).symlink_to(file)


def test_viewers_are_the_other_processes_of_the_user_that_have_the_device_open(tmp_path: Path) -> None:
    device, other, processes = tmp_path / "video10", tmp_path / "other", tmp_path / "proc"
    device.touch()
    other.touch()
    process_folder(processes / "11", uid=os.getuid(), files=[other, device, device])
    process_folder(processes / "12", uid=os.getuid(), files=[other, tmp_path / "gone"])
    process_folder(processes / "13", uid=os.getuid() + 1, files=[device])
    process_folder(processes / str(os.getpid()), uid=os.getuid(), files=[device])
    (processes / "self").mkdir()
    assert count_viewers(str(device), processes=processes) == 1
    process_folder(processes / "14", uid=os.getuid(), files=[device])
    assert count_viewers(str(device), processes=processes) == 2


def test_where_viewers_cannot_be_counted_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_viewers("OBS Virtual Camera") is None
    device = tmp_path / "video10"
    device.touch()
    assert count_viewers(str(device), processes=tmp_path / "none") is None
    process_folder(tmp_path / "proc" / "11", uid=os.getuid(), files=[])

    def refuse(path: Path) -> Iterator[Path]:
        if path.name == "fd":
            raise PermissionError
        return iter(tmp_path.joinpath("proc", "11").parent.glob("*"))

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert count_viewers(str(device), processes=tmp_path / "proc") is None


def test_a_real_process_counts(tmp_path: Path) -> None:
    device = tmp_path / "video10"
    device.touch()
    if count_viewers(str(device)) is None:
        pytest.skip("this system does not show what processes have open")
    with device.open("rb") as file, subprocess.Popen(["sleep", "30"], stdin=file) as process:
        try:
            assert count_viewers(str(device)) == 1
        finally:
            process.kill()
    assert count_viewers(str(device)) == 0


def test_the_back_ends_of_this_machine_stay() -> None:
    before = dict(BACKENDS)
    with registered():
        pass
    assert before == BACKENDS
