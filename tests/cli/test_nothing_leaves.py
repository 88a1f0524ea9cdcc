"""Nothing leaves the machine: whole runs in a process that the kernel ends at its first network socket."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from p3mvideo.frame import UInt8Array
from tests.harness.no_sockets import can_deny_sockets
from tests.io.media import make_video

pytestmark = [
    pytest.mark.skipif(not can_deny_sockets(), reason="denying sockets takes Linux on x86-64 or ARM64"),
    pytest.mark.timeout(400),
]
KILLED_FOR_A_CALL = -31


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.harness.no_sockets", *map(str, arguments)]
    folder = Path(__file__).parents[2]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=380, check=False)


def test_a_socket_would_end_the_process() -> None:
    assert run("--try").returncode == KILLED_FOR_A_CALL


@pytest.fixture
def video(tmp_path: Path, grace_hopper: UInt8Array) -> Path:
    small = cv2.resize(grace_hopper, (272, 320), interpolation=cv2.INTER_AREA)
    return make_video(tmp_path / "in.mp4", images=[small[:, offset : offset + 256].copy() for offset in range(5)], audio="aac")


@pytest.mark.slow
def test_process_without_faces(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path / "cache"))  # so that the network is converted in that process
    done = run("process", video, "-o", tmp_path / "o.mp4", "--bg", "blur", "--anonymize", "off")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "cache" / "openvino").glob("*.xml"))
    assert (tmp_path / "o.mp4").is_file()


@pytest.mark.slow
def test_process_with_faces(video: Path, tmp_path: Path, own_cache: Path, face_model_folder: Path) -> None:
    # MediaPipe's usage logger, whose posts end before a connection (see privacy/detect/telemetry.py), still tries whether there is IPv6
    # by making a socket. It is refused one, and the run does not need it.
    done = run(
        "--refuse", "process", video, "-o", tmp_path / "o.mp4", "--bg", "white", "--anonymize", "output",
        "--offline", "--face-model", face_model_folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "o.mp4").is_file()
