"""Unexpected exceptions and interrupts: one input ends no batch, and what is left is whole and as it is told."""

from __future__ import annotations

import itertools
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from p3mvideo.app.anonymize import run as anonymize_module
from p3mvideo.app.anonymize.run import anonymize
from p3mvideo.app.batch.result import BatchResult
from p3mvideo.app.process import run as process_module
from p3mvideo.app.process.run import process
from p3mvideo.app.reports.face_review import Review
from p3mvideo.engine import load_engine
from p3mvideo.errors import ExitCode, UnexpectedError
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.listener import Listener
from p3mvideo.options import FaceOptions, SmoothingOptions, WriteOptions
from p3mvideo.pipeline import supervisor
from p3mvideo.privacy.two_pass.first_pass import Survey
from tests.io.media import make_video
from tests.privacy.fakes import ScriptedSearch, face_at

FRAMES = 6
LOADED = cache(load_engine)


@pytest.fixture(autouse=True)
def faces(monkeypatch: pytest.MonkeyPatch, own_cache: object) -> dict[str, bool]:
    """A face in every frame of `anonymize`, unless a test says that there is none; one network for all tests."""
    state = {"there": True}

    def search(number: int) -> list[Any]:
        return [face_at(32, 24, 20)] if state["there"] else []

    monkeypatch.setattr(anonymize_module, "make_survey", lambda *_: Survey(ScriptedSearch(search), ScriptedSearch(lambda number: ())))
    monkeypatch.setattr(anonymize_module, "check_models", lambda *_, **__: None)
    monkeypatch.setattr(process_module, "load_engine", LOADED)
    return state


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_video(tmp_path / "clip.mkv", frames=FRAMES)


Run = Callable[..., BatchResult]


def run_process(*inputs: Path, listener: Listener | None = None) -> BatchResult:
    off = FaceOptions(anonymize="off"), SmoothingOptions(smoothing="off")
    return process(inputs, background="white", faces=off[0], smoothing=off[1], listener=listener)


def run_anonymize(*inputs: Path, listener: Listener | None = None) -> BatchResult:
    return anonymize(inputs, writing=WriteOptions(overwrite=True), listener=listener)


BOTH = pytest.mark.parametrize("run", [run_process, run_anonymize], ids=["process", "anonymize"])


def beside(clip: Path) -> list[str]:
    """Return what was written beside a clip."""
    return sorted(path.name for path in clip.parent.iterdir() if path != clip)


@BOTH
def test_an_unexpected_exception_ends_its_input_only(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    odd = make_video(tmp_path / "odd.mkv", frames=2)
    enter = VideoSource.__enter__

    def fail(self: VideoSource) -> VideoSource:
        if self._name == str(odd):
            raise AttributeError("'NoneType' object has no attribute 'name'\nand more")
        return enter(self)

    monkeypatch.setattr(VideoSource, "__enter__", fail)
    with caplog.at_level(logging.DEBUG, "p3mvideo"):
        result = run(odd, clip)
    error = result.inputs[0].error
    assert isinstance(error, UnexpectedError)
    assert error.message == "unexpected AttributeError: 'NoneType' object has no attribute 'name' and more"
    assert "--debug" in error.hint
    assert isinstance(error.__cause__, AttributeError)
    assert "in fail" in caplog.text, "the traceback is there for who asks for it"
    assert result.inputs[1].error is None
    assert result.exit_code is ExitCode.SOME_FAILED
    assert [path for path in beside(clip) if path.startswith("odd")] == ["odd.mkv"]


class _SignalsAt(Listener):
    """Sends this process a signal when the n-th frame is done."""

    def __init__(self, number: signal.Signals, frame: int) -> None:
        self._number, self._frame, self._frames = number, frame, itertools.count(1)

    def advance(self, done: int) -> None:
        if next(self._frames) == self._frame:
            os.kill(os.getpid(), self._number)
            time.sleep(0.3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("frame", [2, FRAMES + 2], ids=["finding", "covering"])
def test_an_interrupt_leaves_nothing(clip: Path, number: signal.Signals, frame: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 60)  # nothing hangs
    former = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            run_anonymize(clip, listener=_SignalsAt(number, frame))
    finally:
        signal.signal(number, former)
    assert not hasattr(caught.value, "__notes__")
    assert beside(clip) == []


@BOTH
def test_an_interrupt_is_heard_while_an_input_hangs(run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(self: VideoSource) -> VideoSource:
        os.kill(os.getpid(), signal.SIGINT)
        release.wait(60)
        raise OSError("too late")

    monkeypatch.setattr(VideoSource, "__enter__", hang)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(clip)
    release.set()
    assert any("left behind" in note for note in caught.value.__notes__)
    assert beside(clip) == []


WHOLE = ["clip_anonymized.audit.json", "clip_anonymized.mkv", "clip_anonymized.review.html", "clip_anonymized.review.jpg"]


def test_an_interrupt_between_output_and_review_leaves_both(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Review.write

    def interrupted(self: Review, target: Path, audit: dict[str, Any]) -> Path | None:
        assert target.is_file()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        return write(self, target, audit)

    monkeypatch.setattr(Review, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_anonymize(clip)
    assert beside(clip) == WHOLE


def test_an_interrupt_says_when_the_review_is_missing(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(self: Review, target: Path, audit: dict[str, Any]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        release.wait(60)

    monkeypatch.setattr(Review, "write", hang)
    monkeypatch.setattr(anonymize_module, "REVIEW_SECONDS", 0.2)
    with pytest.raises(KeyboardInterrupt) as caught:
        run_anonymize(clip)
    release.set()
    assert f"{clip.with_name(WHOLE[1])} is complete, but its review is not" in caught.value.__notes__
    assert beside(clip) == WHOLE[:2]


def test_a_sheet_of_faces_that_are_not_there_does_not_stay(clip: Path, faces: dict[str, bool]) -> None:
    run_anonymize(clip)
    assert beside(clip) == WHOLE
    faces["there"] = False
    run_anonymize(clip)
    assert beside(clip) == WHOLE[:3]
    assert json.loads(clip.with_name(WHOLE[0]).read_text())["tracks"] == []
