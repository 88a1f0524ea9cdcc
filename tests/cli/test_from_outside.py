"""Nothing leaves the machine, seen from outside: every command under strace, with all its threads and child processes.

Each starts as for a new user: an empty home folder, and no variable that says that this is a build server, where some libraries keep silent.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.face_models import MODELS
from tests.evaluation.miniature import miniature, tiny_weights
from tests.io.media import make_video
from tests.training import miniature as training

STRACE = shutil.which("strace")
pytestmark = [
    pytest.mark.skipif(STRACE is None, reason="strace is not installed (apt-get install strace), so that nothing can be watched from outside"),
    pytest.mark.timeout(900),
    pytest.mark.slow,
]
BUILD_SERVER = ("CI", "GITHUB_ACTIONS", "TEAMCITY_VERSION", "BUILD_ID", "TF_BUILD", "JENKINS_URL", "DO_NOT_TRACK", "ORT_DISABLE_TELEMETRY")
NETWORK_CALL = re.compile(r"\b(?:connect|sendto|sendmsg|sendmmsg)\(.*sa_family=(?!AF_UNIX|AF_NETLINK|AF_UNSPEC)")
PROGRAM = re.compile(r'\bexecve\("([^"]+)", \[(.*?)\], .* = 0$')
OWN_FOLDERS = (".cache/p3mvideo", ".config/p3mvideo")
"""All that may be in a user's home folder after a run."""

Arguments = tuple[str | Path, ...]


class Home:
    """A new user's home folder, and what a command did besides its work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        dropped = (*BUILD_SERVER, "P3MVIDEO_CACHE", "DISPLAY", "WAYLAND_DISPLAY")
        self._environment = {key: value for key, value in os.environ.items() if key not in dropped and not key.startswith("XDG_")}
        self._environment["HOME"] = str(folder)

    def watched(self, command: Arguments, *, at: Path) -> list[str]:
        """Run a command to its end and return what it should not have done."""
        log = at / "strace.log"
        assert STRACE is not None
        done = subprocess.run(
            [STRACE, "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg,execve", "-e", "signal=none", "-o", log, *command],
            env=self._environment, cwd=at, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=850, check=False,
        )  # fmt: skip
        if "ptrace" in done.stderr and not log.exists():
            pytest.skip(f"strace may not watch processes here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr[-3000:]
        calls = log.read_text(errors="replace").splitlines()
        return [
            *(call for call in calls if NETWORK_CALL.search(call)),
            *(f"started {program}" for call in calls for program in _programs(call)),
            *(f"left {path} in the home folder" for path in self._left()),
        ]

    def _left(self) -> list[str]:
        paths = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*"))
        return [path for path in paths if not path.startswith(OWN_FOLDERS) and path not in (".cache", ".config")]


def _programs(call: str) -> list[str]:
    """Return the programs that a line of the log started, besides Python itself and the look-up of libraries in the system's list."""
    started = PROGRAM.search(call)
    if started is None or Path(started[1]).resolve() == Path(sys.executable).resolve():
        return []
    # PyTorch's CUDA bindings ask for libdl.
    return [] if started[2] == '"/sbin/ldconfig", "-p"' else [f"{started[1]}: {started[2]}"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, face_model_folder: Path, converted_networks: Path) -> Home:
    """The home folder of all tests here; the network has been converted (see `test_nothing_leaves.py`), the face detection models pulled."""
    folder = tmp_path_factory.mktemp("home")
    models = folder / ".cache" / "p3mvideo" / "face_models"
    models.mkdir(parents=True)
    (models.parent / "openvino").symlink_to(converted_networks, target_is_directory=True)
    for model in MODELS.values():
        shutil.copy(face_model_folder / model.file_name, models)
    return Home(folder)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory, grace_hopper: UInt8Array) -> Path:
    """A clip, a photograph, a data set, and small weights."""
    folder = tmp_path_factory.mktemp("material")
    small = cv2.resize(grace_hopper, (272, 320), interpolation=cv2.INTER_AREA)
    make_video(folder / "in.mp4", images=[small[:, offset : offset + 256].copy() for offset in range(5)], audio="aac")
    (folder / "portraits" / "original_image").mkdir(parents=True)
    (folder / "portraits" / "mask").mkdir()
    cv2.imwrite(str(folder / "portraits" / "original_image" / "p_00000001.jpg"), small[..., ::-1])
    cv2.imwrite(str(folder / "portraits" / "mask" / "p_00000001.png"), small[..., 0])
    miniature(folder / "benchmark", count=1)
    tiny_weights(folder / "tiny.safetensors")
    training.split(folder / "data" / "train", count=2)
    training.split(folder / "data" / "val", count=1)
    return folder


SEVERAL = """
import json, sys
from p3mvideo.cli import app
for command in json.loads(sys.argv[1]):
    assert not app(command, standalone_mode=False), command
"""
"""Runs commands one after the other in one process: those that are built on the same libraries."""


SHORT_MEASUREMENTS = """
from functools import partial
from p3mvideo.app import bench
from p3mvideo.app.doctor import trial
bench._network_times = partial(bench._network_times, runs=6)
trial.TRIAL_SECONDS = trial.SETTLE_SECONDS = 0.5
"""
"""Lets `bench` and `doctor` measure for a moment."""


def _several(*commands: Arguments, first: str = "") -> Arguments:
    return (sys.executable, "-c", first + SEVERAL, json.dumps([list(map(str, command)) for command in commands]))


STOPPED_BY_CTRL_C = """
import os, signal, threading, time
from pathlib import Path
from p3mvideo.cli import main
def stop():
    while not any(path.stat().st_size for path in Path().glob("o*.mkv*")):
        time.sleep(0.2)
    time.sleep(2)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=stop, daemon=True).start()
main()
"""
"""Runs a command until two seconds after its recording has begun."""

COMMANDS: dict[str, Callable[[Path], Arguments]] = {
    "videos": lambda m: _several(
        ("process", m / "in.mp4", "-o", "process.mp4", "--bg", "blur"),
        ("process", m / "in.mp4", "-o", "torch.mp4", "--bg", "white", "--runtime", "torch", "--anonymize", "off"),
        ("flicker", m / "in.mp4", "-o", "flicker"),
        ("anonymize", m / "in.mp4", "-o", "anonymized.mp4"),
    ),
    "webcam": lambda m: (
        sys.executable, "-c", STOPPED_BY_CTRL_C,
        "webcam", "--camera", m / "in.mp4", "--no-preview", "--no-virtual-camera", "--record", "o.mkv", "--bg", "blur",
    ),
    "training and data sets": lambda m: _several(
        (
            "train", "--data", m / "data", "-o", "run", "--steps", "1", "--backbone", training.BACKBONE, "--batch", "2", "--size", "64",
            "--workers", "1", "--device", "cpu", "--tensorboard",
        ),
        ("dataset", "foregrounds", m / "data" / "train", "--workers", "1", "--method", "multi-level"),
        ("dataset", "anonymize", m / "portraits", "anonymized", "--keep-without-face"),
        ("evaluate", "--data", m / "benchmark", "--model", m / "tiny.safetensors", "--metric", "sad", "--split", "P3M-500-P", "-o", "report"),
    ),
    "export": lambda m: _several(
        ("export", "--model", m / "tiny.safetensors", "--format", "onnx", "-o", "o.onnx"),
        ("export", "--model", m / "tiny.safetensors", "--format", "openvino", "-o", "o.xml"),
    ),
    "this machine": lambda m: _several(("doctor",), ("bench", m / "in.mp4"), ("demo", "demo", "--seconds", "0.5"), first=SHORT_MEASUREMENTS),
    "help and weights": lambda m: _several(("--help",), ("weights", "list"), ("weights", "verify")),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_sent_started_or_left(name: str, home: Home, material: Path, tmp_path: Path) -> None:
    assert home.watched(COMMANDS[name](material), at=tmp_path) == []


def test_the_studio_talks_to_its_own_page_only(home: Home, material: Path, tmp_path: Path) -> None:
    pytest.importorskip("starlette", reason="the extra p3mvideo[studio] is not installed")
    root, cache = str(Path(__file__).parents[2]), home.folder / ".cache" / "p3mvideo"
    visit = f"import sys; sys.path.insert(0, {root!r}); from pathlib import Path; from tests.studio.visit import visit"
    command = (sys.executable, "-c", f"{visit}; visit(Path({str(material / 'in.mp4')!r}), Path({str(cache)!r}))")
    assert [what for what in home.watched(command, at=tmp_path) if 'inet_addr("127.0.0.1")' not in what] == []
    assert not list((cache / "studio").iterdir())


LEAKS = {
    "an address": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))",
    "a child's address": "import subprocess, sys; subprocess.run([sys.executable, '-c', '''{}'''])",
    "a program": "import subprocess; subprocess.run(['/bin/true'])",
    "a file": "import pathlib; pathlib.Path.home().joinpath('identifier').touch()",
}
LEAKS["a child's address"] = LEAKS["a child's address"].format(LEAKS["an address"])


@pytest.mark.parametrize("leak", LEAKS)
def test_what_must_not_happen_is_seen(leak: str, face_model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    assert len(Home(tmp_path / "home").watched((sys.executable, "-c", LEAKS[leak]), at=tmp_path)) == 1
