"""The command in a process of its own: a terminal that is closed, and a window on a virtual screen."""

from __future__ import annotations

import itertools
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ImageGrab

from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.app.live.preview.drawing import COLOURS, Overlay, bar_height, draw_preview
from p3mvideo.app.live.preview.window import window_size
from p3mvideo.frame import UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from tests.app.live.process.live_process import ENLARGED
from tests.app.live.room import HEIGHT, LIMIT_SECONDS, RUN_PX, WIDTH, room_pixels_in_a_row, wait_for

ROOT = Path(__file__).parents[4]
LOOK_SECONDS = 0.1
LOOKS_PER_MAPPING = 80
"""After this many looks at a window that stays black it is brought up again."""
SIZE = window_size(ENLARGED * WIDTH, ENLARGED * HEIGHT)
TOP = bar_height(SIZE[0])
ANSWERS = (
    ("b", "Background 2 of 8: blur 50 %"), ("plus", "Blur 60 %"), ("minus", "Blur 50 %"), ("v", "Background 1 of 8: white"),
    ("a", "Faces: hidden from viewers"), ("s", "Smoothing ema"), ("l", "Light on the person: 30 %"), ("z", "Zoom to the person on"),
    ("m", "Mirror on"), ("f", "Statistics on"), ("r", "Recording paused"), ("p", "Video paused"), ("p", "Visible again"),
    ("r", "Recording goes on"), ("t", "No photo: someone is in the image"),
)  # fmt: skip
"""Keys as xdotool calls them, and what they answer."""
NAMELESS = ("Home", "Home", "Page_Down", "Print", "Up", "Down", "Left", "Shift_L", "F1")
"""Keys without a character: the last bytes of what X11 calls the first ones are those of letters with a meaning."""
COMMAND = [sys.executable, "-m", "tests.app.live.process.live_process", "--bg", "white", "--smoothing", "off"]


@pytest.mark.slow
def test_a_closed_terminal_ends_the_run_and_completes_the_recording(tmp_path: Path) -> None:
    recording = tmp_path / "out.mp4"
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [*COMMAND, "--no-preview", "--record", str(recording), "--profile", "none"])
    try:
        said = b""
        while b"network: by colour" not in said:
            said += os.read(terminal, 4096)
        wait_for(lambda: any(part.stat().st_size > 0 for part in tmp_path.glob("out.unfinished-*.mp4")), "the recording to begin")
        time.sleep(0.5)
        os.close(terminal)
        deadline = time.monotonic() + LIMIT_SECONDS
        while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
            assert time.monotonic() < deadline, "it has not ended"
            time.sleep(0.05)
        pid = 0
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(ended[1]) in (0, 1)  # 1: where the recording lies could not be printed any more
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    with VideoSource(recording) as source:
        images = [frame.interleaved() for frame in source]
    assert images
    assert max(room_pixels_in_a_row(image) for image in images) < RUN_PX


@pytest.mark.slow
def test_the_process_ends_at_once_when_all_is_said() -> None:
    """Python's own end may abort: it does not know the threads of the libraries that a live run uses."""
    code = "import atexit, sys; atexit.register(print, 'finalised'); from p3mvideo.cli import main; sys.argv[1:] = sys.argv[2:]; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "-", "webcam", "--camera", "nothere.mp4", "--no-preview"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "there is no file nothere.mp4" in ended.stderr
    assert "finalised" not in ended.stdout


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A virtual screen."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("Xvfb and xdotool are not installed")
    read, write = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset"], pass_fds=[write], stderr=subprocess.DEVNULL
    ) as server:
        os.close(write)
        with os.fdopen(read) as told:
            number = told.readline().strip()
        monkeypatch.setenv("DISPLAY", f":{number}")
        yield f":{number}"
        server.terminate()


class Window:
    """The preview of a running command."""

    def __init__(self, screen: str, process: subprocess.Popen[bytes]) -> None:
        self._screen, self._process = screen, process

    def press(self, key: str) -> None:
        subprocess.run(["xdotool", "search", "--name", "p3mvideo", "keydown" if key == "q" else "key", key], check=True, capture_output=True)

    def wait_until_drawn(self) -> None:
        """Wait for an image of the camera. Now and then Qt overhears that its window is there: no window manager tells it once more."""
        for look in itertools.count():
            if self.shows(LiveState.LIVE) or self.shows(LiveState.DEGRADED):
                return
            assert self._process.poll() is None, "it has ended"
            if look % LOOKS_PER_MAPPING == LOOKS_PER_MAPPING - 1 and not self.pixels().any():
                command = ["xdotool", "search", "--name", "p3mvideo", "windowunmap", "windowmap"]
                subprocess.run(command, check=False, capture_output=True)  # there may be no window yet
            time.sleep(LOOK_SECONDS)

    def pixels(self) -> UInt8Array:
        """Return what the window shows, uint8 RGB (h, w, 3)."""
        shot = np.asarray(ImageGrab.grab(xdisplay=self._screen).convert("RGB"))
        return shot[: SIZE[1], : SIZE[0]]

    def shows(self, state: LiveState) -> bool:
        return tuple(self.pixels()[TOP // 2, TOP // 2].tolist()) == COLOURS[state]

    def wall(self) -> tuple[int, ...]:
        """Return the colour behind the person."""
        return tuple(self.pixels()[TOP + 60, SIZE[0] // 2].tolist())

    def answers(self, text: str) -> bool:
        """Whether the label with an answer can be read in the image, pixel by pixel."""
        label, seen = label_of(text), self.pixels()
        found = cv2.matchTemplate(seen[SIZE[1] // 2 :], label, cv2.TM_SQDIFF)
        return float(found.min()) <= 2.0 * label.size


def label_of(text: str) -> UInt8Array:
    """Return the label of an answer: what is drawn over a white image because of it."""
    white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    plain, answered = (draw_preview(white, SIZE, Overlay(LiveState.LIVE, "", answer=answer)) for answer in ("", text))
    label = (plain != answered).any(2)
    rows, columns = np.flatnonzero(label.any(1)), np.flatnonzero(label.any(0))
    return answered[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@pytest.mark.slow
def test_every_key_answers_in_the_window(screen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P3MVIDEO_CONFIG", str(tmp_path))
    command = [*COMMAND, "--preview", "--bg", "blur:0.5", "--profile", "none", "--record", str(tmp_path / "out.mp4")]
    told = tmp_path / "told.txt"
    with told.open("w") as errors, subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors) as process:
        window = Window(screen, process)
        try:
            window.wait_until_drawn()
            assert window.wall() == (255, 255, 255)
            # One after the other: of keys that come at once, the window hears the last.
            for key, answer in ANSWERS:
                window.press(key)
                wait_for(lambda answer=answer: window.answers(answer), answer)  # type: ignore[misc]
            wait_for(lambda: window.shows(LiveState.LIVE) or window.shows(LiveState.DEGRADED), "the image")
            listed = window.pixels()
            window.press("question")
            wait_for(lambda: np.abs(window.pixels()[TOP + 40 : -60].astype(int) - listed[TOP + 40 : -60]).mean() > 30, "the list of keys")
            window.press("question")
            window.press("q")
            process.wait(4 * LIMIT_SECONDS)
        finally:
            process.kill()
            print(told.read_text())  # what a failure shows
    assert process.returncode == 0
    said = told.read_text()
    for line in ("Background 2 of 8: blur 50 %", "Video paused", "Visible again", "images shown"):
        assert line in said
    with VideoSource(tmp_path / "out.mp4") as source:
        assert any(True for _ in source)


@pytest.mark.slow
def test_keys_without_a_character_do_nothing(screen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P3MVIDEO_CONFIG", str(tmp_path))
    told = tmp_path / "told.txt"
    command = [*COMMAND, "--preview", "--profile", "none"]
    with told.open("w") as errors, subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors) as process:
        window = Window(screen, process)
        try:
            window.wait_until_drawn()
            for key in NAMELESS:
                window.press(key)
                time.sleep(2 * LOOK_SECONDS)
            window.press("m")
            wait_for(lambda: window.answers("Mirror on"), "the answer")
            window.press("q")
            process.wait(4 * LIMIT_SECONDS)
        finally:
            process.kill()
            print(told.read_text())
    assert process.returncode == 0
    answers = [
        line
        for line in told.read_text().splitlines()
        if line.startswith(("Background", "Video", "Visible", "Faces", "Recording", "No photo", "Mirror"))
    ]
    assert answers == ["Mirror on"]
