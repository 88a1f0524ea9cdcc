"""Small clips, and one network for all tests, loaded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import pytest

from p3mvideo.app.anonymize import run as anonymize_module
from p3mvideo.app.batch.result import BatchResult
from p3mvideo.app.process import run as module
from p3mvideo.app.process.run import process
from p3mvideo.engine import load_engine
from p3mvideo.frame import UInt8Array
from p3mvideo.options import ReleaseDetectionOptions
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.two_pass.first_pass import Survey
from tests.harness.flat_options import call
from tests.io.media import make_video
from tests.privacy.fakes import ScriptedSearch, face_at

Process = Callable[..., BatchResult]

Script = Callable[[int], Sequence[Detection]]

LOADED = cache(load_engine)


@pytest.fixture(autouse=True)
def _cache(own_cache: object) -> None:
    """Keep away from the user's cache."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Process:
    """`process` with the shipped network, loaded once for all tests, and neither faces nor smoothing unless they are asked for."""
    monkeypatch.setattr(module, "load_engine", LOADED)

    def run_it(*inputs: str | Path, **options: object) -> BatchResult:
        return call(process, [str(item) for item in inputs], **{"anonymize": "off", "smoothing": "off", **options})

    return run_it


def here(_: int) -> list[Detection]:
    """Find a face of 32 px about (96, 72) in every frame."""
    return [face_at(96, 72, 32)]


@pytest.fixture
def surveys(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace the detector of `anonymize` by a script, which a test may change."""
    state: dict[str, Any] = {"script": here, "doubts": lambda n: [], "surveys": []}

    def make_survey(options: ReleaseDetectionOptions) -> Survey:
        searches = ScriptedSearch(lambda n: state["script"](n), lambda n: state["doubts"](n)), ScriptedSearch(lambda n: ())
        survey = Survey(*searches, on_failure=options.on_detector_failure)
        state["surveys"].append(survey)
        return survey

    monkeypatch.setattr(anonymize_module, "make_survey", make_survey)
    monkeypatch.setattr(anonymize_module, "check_models", lambda *_, **__: None)
    return state


@pytest.fixture(scope="session")
def portrait_frames(grace_hopper: UInt8Array) -> list[UInt8Array]:
    """A portrait that moves a little from frame to frame, RGB (80, 64, 3)."""
    small = cv2.resize(grace_hopper, (72, 88), interpolation=cv2.INTER_AREA)
    return [small[4:84, offset : offset + 64].copy() for offset in range(6)]


@pytest.fixture(scope="session")
def clip(portrait_frames: list[UInt8Array], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of a portrait at 25 per second, with sound, 64x80."""
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4", images=portrait_frames, audio="aac")
