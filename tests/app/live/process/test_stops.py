"""A live run that is stopped while a thread is in OpenVINO ends in order, again and again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from p3mvideo.io.video.read.source import VideoSource

ROOT = Path(__file__).parents[4]
STOPS = int(os.environ.get("P3MVIDEO_STOPS", "3"))
"""How many runs are stopped; the environment variable asks for more."""
AT_ONCE = 3
"""How many run at a time: they are each other's load."""
LIMIT_SECONDS = 240.0
"""Generous: the machine is busy."""


def stopped_run(recording: Path) -> tuple[int, str]:
    """Start a live run, end it by Ctrl-C while a network is being loaded, and return its exit code and what it said."""
    told = recording.with_suffix(".txt")
    options = ["--bg", "white", "--smoothing", "off", "--anonymize", "off", "--no-preview", "--no-virtual-camera", "--profile", "none"]
    command = [sys.executable, "-m", "tests.app.live.process.loading_process", *options, "--record", str(recording)]
    with told.open("w") as errors, subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors) as process:
        try:
            deadline = time.monotonic() + LIMIT_SECONDS
            while "loading" not in told.read_text() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(random.Random(recording.name).random())
            process.send_signal(signal.SIGINT)
            return process.wait(LIMIT_SECONDS), told.read_text()
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.timeout((STOPS / AT_ONCE + 1) * 2 * LIMIT_SECONDS)
def test_stops_in_a_row_under_load(tmp_path: Path) -> None:
    recordings = [tmp_path / f"{number}.mp4" for number in range(STOPS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = list(pool.map(stopped_run, recordings))
    for recording, (code, said) in zip(recordings, ends, strict=True):
        assert "loading" in said
        assert "terminate called" not in said
        assert code == 0, said
        with VideoSource(recording) as source:
            assert any(True for _ in source)
    assert sorted(tmp_path.glob("*.mp4")) == sorted(recordings)
