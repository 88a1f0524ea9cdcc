"""Controls of a live run beside its window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.app.live.profile import read_profile, settings_folder
from p3mvideo.app.live.remote import LiveChange, LiveRemote, LiveStatus
from p3mvideo.errors import ConfigError
from p3mvideo.frame import UInt8Array
from tests.app.live.recording_backend import RecordingBackend
from tests.app.live.room import Stage, is_placeholder, wait_for

CORNER = (slice(2, 8), slice(2, 8))
GREEN = (0, 255, 0)


def _status(remote: LiveRemote) -> LiveStatus:
    assert remote.status is not None
    return remote.status


def _shown(remote: LiveRemote) -> UInt8Array:
    assert remote.outlet.shown is not None
    return remote.outlet.shown.image.interleaved()


def test_another_thread_sees_what_is_shown_and_changes_it(stage: Stage) -> None:
    remote = LiveRemote()

    def script() -> None:
        stage.wait_for_live()
        wait_for(lambda: remote.status is not None and remote.status.state is LiveState.LIVE, "the state")
        assert (_status(remote).virtual_camera, _status(remote).background) == ("/dev/recording", "white")
        remote.change(LiveChange(background="0,255,0", remembers_background=False, mirror=True, settings={"smoothing": "ema", "anonymize": "output"}))
        wait_for(lambda: bool((np.abs(_shown(remote)[CORNER].astype(int) - GREEN) < 4).all()), "the background")
        wait_for(lambda: _status(remote).settings.smoothing == "ema" and _status(remote).mirror, "the settings")
        assert _status(remote).settings.anonymize == "output"
        remote.change(LiveChange(paused=True))
        wait_for(lambda: is_placeholder(_shown(remote)) and _status(remote).paused, "the placeholder")
        remote.change(LiveChange(paused=False))
        stage.wait_for_live()

    stage.run(script, remote=remote, profile="desk")
    stage.check()
    remembered = read_profile(settings_folder() / "desk.toml")
    assert (remembered.bg, remembered.smoothing, remembered.mirror) == (("white",), "ema", True)  # not what was for this run only


def test_the_virtual_camera_is_stopped_and_started_again(stage: Stage) -> None:
    remote = LiveRemote()

    def script() -> None:
        wait_for(lambda: remote.status is not None and remote.status.state is LiveState.LIVE, "the state")
        assert _status(remote).virtual_camera is None
        assert not RecordingBackend.sessions
        for number in (1, 2):
            remote.change(LiveChange(virtual_camera=True))
            wait_for(lambda: _status(remote).virtual_camera is not None, "the virtual camera")
            stage.wait_for_live()
            remote.change(LiveChange(virtual_camera=False))
            wait_for(lambda: _status(remote).virtual_camera is None, "its end")
            wait_for(lambda number=number: len(RecordingBackend.sessions) == number and RecordingBackend.sessions[-1].closed)  # type: ignore[misc]
            assert is_placeholder(stage.images[-1])  # devices may go on showing it
        RecordingBackend.broken = True
        remote.change(LiveChange(virtual_camera=True))
        wait_for(lambda: any("\n  hint: " in text for text in stage.said), "the reason")
        RecordingBackend.broken = False
        assert _status(remote).state is LiveState.LIVE

    stage.run(script, remote=remote, virtual_camera=False)
    stage.check()


@pytest.mark.parametrize("settings", [{"size": (640, 480)}, {"nothing": 1}, {"brighten": 7}, {"anonymize": "sometimes"}], ids=str)
def test_what_cannot_change_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        LiveChange(settings=settings)
