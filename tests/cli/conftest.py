"""The command line in this process, with one network for all tests, and a small clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from p3mvideo.app.process import run as module
from p3mvideo.cli import app
from p3mvideo.frame import UInt8Array
from tests.app.conftest import LOADED
from tests.io.media import make_video


class Done:
    """How a command ended."""

    def __init__(self, exit_code: int, stdout: bytes, stderr: str) -> None:
        self.exit_code, self.stdout, self.stderr = exit_code, stdout, stderr

    @property
    def lines(self) -> list[str]:
        """What it said on standard error."""
        return self.stderr.splitlines()


Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def _cache(own_cache: object) -> None:
    """Keep away from the user's cache."""


@pytest.fixture
def run() -> Run:
    """Run `p3mvideo ARGS` in this process. An exception that reaches its end is a failure of the test."""

    def invoke(*arguments: str | Path, stdin: bytes = b"") -> Done:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin, catch_exceptions=False)
        return Done(result.exit_code, result.stdout_bytes, result.stderr)

    return invoke


@pytest.fixture
def process(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `p3mvideo process ARGS` with a network that is loaded once, without faces and smoothing unless they are asked for."""
    monkeypatch.setattr(module, "load_engine", LOADED)
    return lambda *arguments, **options: run("process", "--anonymize", "off", "--smoothing", "off", *arguments, **options)


@pytest.fixture(scope="session")
def clip(grace_hopper: UInt8Array, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames of a portrait at 25 per second, with sound, 64x80."""
    small = cv2.resize(grace_hopper, (70, 80), interpolation=cv2.INTER_AREA)
    images = [small[:, offset : offset + 64].copy() for offset in range(4)]
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4", images=images, audio="aac")
