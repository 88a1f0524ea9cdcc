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

import numpy as np
import pytest
from PIL import ImageGrab

from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.app.live.preview.drawing import BAR_PX, COLOURS
from p3mvideo.frame import UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from tests.app.live.live_process import ENLARGED
from tests.app.live.room import HEIGHT, LIMIT_SECONDS, RUN_PX, WIDTH, room_pixels_in_a_row, wait_for

ROOT = Path(__file__).parents[3]
LOOK_SECONDS = 0.1
LOOKS_PER_MAPPING = 80
"""After this many looks at a window that stays black it is brought up again."""
COMMAND = [sys.executable, "-m", "tests.app.live.live_process", "--bg", "white", "--smoothing", "off"]


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
    assert os.waitstatus_to_exitcode(ended[1]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    with VideoSource(recording) as source:
        images = [frame.interleaved() for frame in source]
    assert images
    assert max(room_pixels_in_a_row(image) for image in images) < RUN_PX


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
        return shot[: ENLARGED * HEIGHT + 2 * BAR_PX, : ENLARGED * WIDTH]

    def shows(self, state: LiveState) -> bool:
        return tuple(self.pixels()[BAR_PX // 2, BAR_PX // 2].tolist()) == COLOURS[state]

    def wall(self) -> tuple[int, ...]:
        """Return the colour behind the person."""
        return tuple(self.pixels()[BAR_PX + 60, 12].tolist())


@pytest.mark.slow
def test_the_preview_shows_the_state_and_hears_keys(screen: str, tmp_path: Path) -> None:
    command = [*COMMAND, "--preview", "--bg", "navy", "--profile", "none"]
    told = tmp_path / "told.txt"
    with told.open("w") as errors, subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors) as process:
        window = Window(screen, process)
        try:
            window.wait_until_drawn()
            assert window.wall() == (255, 255, 255)
            window.press("b")
            wait_for(lambda: window.wall() == (0, 0, 96), "the next background")
            window.press("p")
            wait_for(lambda: window.shows(LiveState.PAUSED), "the placeholder")
            assert window.wall() != (0, 0, 96)
            window.press("p")
            wait_for(lambda: window.wall() == (0, 0, 96), "the image again")
            plain = window.pixels()[BAR_PX : BAR_PX + 40, :40]
            window.press("f")
            wait_for(lambda: not np.array_equal(window.pixels()[BAR_PX : BAR_PX + 40, :40], plain), "the figures")
            # One after the other: of keys that come at once, the window hears the last.
            for key, answer in (("a", "anonymize: output"), ("m", "mirror: on"), ("s", "smoothing: ema")):
                window.press(key)
                wait_for(lambda answer=answer: answer in told.read_text(), answer)  # type: ignore[misc]
            window.press("q")
            process.wait(LIMIT_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0
    said = told.read_text()
    for line in ("background: navy", "paused: panic", "going on: no longer panic", "images shown"):
        assert line in said
