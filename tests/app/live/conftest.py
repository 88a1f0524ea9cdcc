"""What the tests of live runs share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.live.recording_backend import registered
from tests.app.live.room import Stage


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stage]:
    """A room before a camera, and a virtual camera that records."""
    monkeypatch.setenv("P3MVIDEO_CONFIG", str(tmp_path / "config"))
    with registered():
        yield Stage(monkeypatch, tmp_path)
