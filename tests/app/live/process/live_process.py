"""A process that runs `p3mvideo webcam` in the made-up room: `python -m tests.app.live.process.live_process OPTIONS...`."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import pytest

from p3mvideo.app import webcam as webcam_module
from p3mvideo.app.live.camera_choice import ChosenCamera
from p3mvideo.app.live.preview import keys
from p3mvideo.cli import main as command
from p3mvideo.frame import UInt8Array
from p3mvideo.io.devices.camera import Camera
from tests.app.live.recording_backend import registered
from tests.app.live.room import RoomCamera, RoomStageFactory

ENLARGED = 4
"""How many times as large the room is in a preview, so that there is something to see."""


class LargeCamera(RoomCamera):
    """Films the room from nearby."""

    def read(self) -> UInt8Array:
        return np.ascontiguousarray(super().read().repeat(ENLARGED, 0).repeat(ENLARGED, 1))


def main() -> None:
    """Run the command with the made-up parts."""
    make = LargeCamera if "--preview" in sys.argv else RoomCamera

    def open_camera(size: tuple[int, int], rate: Fraction) -> Camera:
        return make(lambda number: None)

    with registered() as backend, pytest.MonkeyPatch.context() as patch:
        patch.setattr(webcam_module, "choose_camera", lambda *_: ChosenCamera("room", False, open_camera))
        patch.setattr(webcam_module, "DefaultStageFactory", lambda **_: RoomStageFactory())
        patch.setattr(keys, "ANSWER_SECONDS", 600.0)  # a busy machine looks late; the next answer takes its place
        backend.keep = False
        sys.argv[1:1] = ["webcam"]
        command()


if __name__ == "__main__":
    main()
