"""Small clips, and one network for all tests, loaded once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import pytest

from p3mvideo.app import process as module
from p3mvideo.app.batch.result import BatchResult
from p3mvideo.app.process import process
from p3mvideo.engine import load_engine
from p3mvideo.frame import UInt8Array
from tests.flat_options import call
from tests.io.media import make_video

Process = Callable[..., BatchResult]

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


@pytest.fixture(scope="session")
def portrait_frames(grace_hopper: UInt8Array) -> list[UInt8Array]:
    """A portrait that moves a little from frame to frame, RGB (80, 64, 3)."""
    small = cv2.resize(grace_hopper, (72, 88), interpolation=cv2.INTER_AREA)
    return [small[4:84, offset : offset + 64].copy() for offset in range(6)]


@pytest.fixture(scope="session")
def clip(portrait_frames: list[UInt8Array], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of a portrait at 25 per second, with sound, 64x80."""
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4", images=portrait_frames, audio="aac")
