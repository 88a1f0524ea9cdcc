"""The virtual camera in PipeWire, from end to end: a daemon, a session manager, and GStreamer as the program that watches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from p3mvideo.errors import DeviceError, SinkError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.devices import pipewire_camera
from p3mvideo.io.devices.pipewire_camera import PipeWireCamera, pipewire_problem
from tests.app.live.devices.pipewire_session import REQUIRED, missing_programs, pipewire_session
from tests.app.live.room import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PipeWire is a system of Linux")
WIDTH, HEIGHT = 64, 48
COLOURS = ((200, 40, 40), (40, 160, 60), (50, 60, 200), (128, 128, 128))
FRAMES = 8


@pytest.fixture(scope="module")
def session() -> Iterator[dict[str, str]]:
    """PipeWire, in this process's environment, too."""
    missing = missing_programs()
    if missing and os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, but there is no {', '.join(missing)}")
    if missing:
        pytest.skip(f"PipeWire is not tested: there is no {', '.join(missing)}")
    with pipewire_session() as environment, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", environment["XDG_RUNTIME_DIR"])
        yield environment


def quarters() -> UInt8Array:
    """Return an image of four colours, uint8 RGB (HEIGHT, WIDTH, 3)."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for number, colour in enumerate(COLOURS):
        y, x = divmod(number, 2)
        image[y * HEIGHT // 2 : (y + 1) * HEIGHT // 2, x * WIDTH // 2 : (x + 1) * WIDTH // 2] = colour
    return image


def watch(environment: dict[str, str], into: Path, name: str) -> subprocess.Popen[bytes]:
    """Start a program that takes some frames of the camera as RGB into a file, and ends."""
    caps = f"video/x-raw,format=RGB,width={WIDTH},height={HEIGHT}"
    command = ["gst-launch-1.0", "-q", "pipewiresrc", f"target-object={name}", f"num-buffers={FRAMES}", "!", "videoconvert", "!", caps]
    return subprocess.Popen([*command, "!", "filesink", f"location={into}"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def nodes(environment: dict[str, str]) -> list[dict[str, str]]:
    """Return the properties of all cameras that programs find."""
    dumped = json.loads(subprocess.run(["pw-dump"], env=environment, capture_output=True, text=True, check=True).stdout)
    properties = [thing["info"]["props"] for thing in dumped if thing["type"] == "PipeWire:Interface:Node"]
    return [found for found in properties if found.get("media.class") == "Video/Source"]


def test_a_program_finds_the_camera_and_gets_its_frames(session: dict[str, str], tmp_path: Path) -> None:
    camera = PipeWireCamera(WIDTH, HEIGHT, Fraction(30), name="a test camera")
    image = quarters()
    try:
        (node,) = nodes(session)
        assert (node["node.description"], node["media.role"]) == ("a test camera", "Camera")
        camera.write(image)
        assert camera.viewers() == 0
        watched = False
        with watch(session, tmp_path / "got.rgb", "a test camera") as watcher:
            deadline = time.monotonic() + 60
            while watcher.poll() is None:
                assert time.monotonic() < deadline, "the program gets no frames"
                camera.write(image)
                watched = watched or camera.viewers() == 1
                time.sleep(0.02)
            assert watcher.returncode == 0
        assert watched
        wait_for(lambda: camera.viewers() == 0, "the program to be gone")
    finally:
        camera.close()
        camera.close()
    got = np.fromfile(tmp_path / "got.rgb", np.uint8).reshape(FRAMES, HEIGHT, WIDTH, 3).astype(int)
    inner = np.abs(got - image)[:, :, np.r_[2 : WIDTH // 2 - 2, WIDTH // 2 + 2 : WIDTH - 2]]
    assert inner.max() <= 6, "colours are those that were written, within the rounding of YUV"
    wait_for(lambda: not nodes(session), "the camera to disappear")


def test_a_camera_whose_program_died_says_so_and_another_one_can_be_opened(session: dict[str, str]) -> None:
    camera = PipeWireCamera(WIDTH, HEIGHT, Fraction(30))
    camera._process.kill()
    camera._process.wait()
    with pytest.raises(SinkError, match="takes no more images"):
        camera.write(quarters())
    camera.close()
    again = PipeWireCamera(WIDTH, HEIGHT, Fraction(30))
    again.write(quarters())
    again.close()


def test_a_program_that_hangs_holds_nothing_up(session: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipewire_camera, "WRITE_SECONDS", 0.1)
    monkeypatch.setattr(pipewire_camera, "END_SECONDS", 0.1)
    camera = PipeWireCamera(640, 480, Fraction(30))
    os.kill(camera._process.pid, signal.SIGSTOP)
    with pytest.raises(SinkError, match="hangs"):
        camera.write(np.zeros((480, 640, 3), np.uint8))  # more than a pipe holds
    camera.close()
    assert camera._process.returncode is not None


def test_it_can_be_told_whether_there_can_be_one(session: dict[str, str]) -> None:
    assert pipewire_problem() == ""
    assert not nodes(session), "nothing of the trial is left"


def test_without_pipewire_the_error_says_what_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(DeviceError, match="PipeWire is not") as caught:
        PipeWireCamera(WIDTH, HEIGHT, Fraction(30))
    assert "WirePlumber" in caught.value.hint


@pytest.mark.parametrize("size", [(5, 4), (6, 3), (0, 0)])
def test_odd_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="even"):
        PipeWireCamera(*size, Fraction(30))


def test_on_other_systems_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(DeviceError, match="PipeWire is a system of Linux") as caught:
        PipeWireCamera(WIDTH, HEIGHT, Fraction(30))
    assert "obs" in caught.value.hint
    assert pipewire_problem() == "PipeWire is a system of Linux"
