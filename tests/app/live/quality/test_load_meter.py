"""What a live run knows of how busy it is."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import cast

import pytest

from p3mvideo.app.live.quality.load_meter import LoadMeter
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.pipeline import Progress


def test_a_camera_that_delivers_nothing_says_nothing_of_the_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is dropped while it is unplugged: that is no room for more quality."""
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    camera = SimpleNamespace(captured=0, dropped=0)
    meter = LoadMeter(cast(CameraSource, camera))
    now, camera.captured = 1.0, 30
    meter.progressed(Progress(30, 24, 6))
    found = meter.observe()
    assert found is not None
    assert (found.lost_share, found.rate) == (0.2, 24.0)
    now = 2.0
    assert meter.observe() is None
    assert meter.newest.rate == 0
    now, camera.captured, camera.dropped = 3.0, 60, 15
    found = meter.observe()
    assert found is not None
    assert found.lost_share == 0.5
