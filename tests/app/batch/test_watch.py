"""A folder that is watched: what is complete is done, what grows is waited for, and Ctrl-C is the end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from p3mvideo.app.batch import managed, watch
from p3mvideo.app.batch.run import Outcome
from p3mvideo.errors import ConfigError
from p3mvideo.options import BatchOptions
from tests.app.batch.small_work import make_inputs, run
from tests.app.batch.test_unit_runner import WorkersHere, became


class Clock:
    """A clock that goes on only when it is told to, for `watch`."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The units that were worked on, in order."""
    monkeypatch.setattr(managed, "LocalWorkers", WorkersHere)
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0)
    WorkersHere.log = []
    return WorkersHere.log


def test_files_are_worked_on_once_they_are_complete(tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out, clock = make_inputs(tmp_path / "in", 1), tmp_path / "out", Clock()
    monkeypatch.setattr(watch, "time", clock)

    def bring() -> None:
        wait_for(out / "00.mp4", clock)
        for size in range(1, 9):
            (folder / "grows.mp4").write_bytes(b"x" * size)
            time.sleep(0.2)  # looked at meanwhile, by a clock that is not far enough
            clock.now += 0.9 * watch.SETTLED_SECONDS
        (folder / "damaged.mp4").write_bytes(b"damaged")
        wait_for(out / "grows.mp4", clock)
        wait_for(out / ".p3mvideo" / "damaged.mp4.json", clock)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    outcome = watched(folder, out, bring)
    assert became(outcome) == {"00": "done", "grows": "done", "damaged": "failed"}
    assert (out / "grows.mp4").read_bytes() == b"x" * 8
    assert log.count("grows.mp4") == 1


def test_what_arrives_later_takes_no_name_of_what_is_there(
    tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, out, clock = tmp_path / "in", tmp_path / "out", Clock()
    monkeypatch.setattr(watch, "time", clock)
    folder.mkdir()
    (folder / "clip.wmv").write_bytes(b"first")

    def bring() -> None:
        wait_for(out / ".p3mvideo" / "clip.mp4.json", clock)
        (folder / "clip.flv").write_bytes(b"second")
        wait_for(out / "clip_flv.mp4", clock)
        os.kill(os.getpid(), signal.SIGINT)

    outcome = watched(folder, out, bring, overwrite=True)
    assert [(done.item.path.name, done.plan.composite) for done in outcome.results] == [
        ("clip.wmv", out / "clip.mp4"), ("clip.flv", out / "clip_flv.mp4")
    ]  # fmt: skip
    assert (out / "clip.mp4").read_bytes() == b"first"[::-1]
    assert caplog.text.count("is written as") == 1


def test_that_the_folder_is_gone_is_said_once(
    tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, out, clock = make_inputs(tmp_path / "in", 1), tmp_path / "out", Clock()
    monkeypatch.setattr(watch, "time", clock)

    def bring() -> None:
        wait_for(out / ".p3mvideo" / "00.mp4.json", clock)
        (folder / "00.mp4").unlink()  # an empty folder is no news
        time.sleep(0.3)
        assert not caplog.messages
        folder.rmdir()
        deadline = time.monotonic() + 100
        while not caplog.messages and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    outcome = watched(folder, out, bring)
    assert became(outcome) == {"00": "done"}
    (said,) = caplog.messages
    assert str(folder) in said


def watched(folder: Path, out: Path, bring: Callable[[], None], **options: Any) -> Outcome:
    """Watch a folder into which a thread brings files, until that ends the run."""
    thread = threading.Thread(target=bring)
    thread.start()
    outcome = run([], out, BatchOptions(watch=folder), **options)
    thread.join()
    return outcome


def wait_for(path: Path, clock: Clock) -> None:
    """Let the clock go on until a file is there."""
    deadline = time.monotonic() + 100
    while not path.exists() and time.monotonic() < deadline:
        clock.now += watch.SETTLED_SECONDS / 4
        time.sleep(0.02)


def test_a_folder_to_watch_is_there_and_the_only_input(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        run([], tmp_path / "out", BatchOptions(watch=tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="inputs beside it"):
        run([tmp_path], tmp_path / "out", BatchOptions(watch=tmp_path))
    for output in (tmp_path, tmp_path / "out" / ".."):
        with pytest.raises(ConfigError, match="would be taken for inputs"):
            run([], output, BatchOptions(watch=tmp_path))
