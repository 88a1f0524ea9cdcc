"""A process that runs `p3mvideo webcam` in the made-up room, and is long in loading its second network.

Call it as `python -m tests.app.live.process.loading_process OPTIONS...`.

The network is compiled by OpenVINO again and again, each time for a part of a second, as quality goes down right after the beginning.
"""

from __future__ import annotations

import sys
import time
from fractions import Fraction

import numpy as np
import openvino as ov
import pytest

from p3mvideo.app import webcam as webcam_module
from p3mvideo.app.live import session
from p3mvideo.app.live.camera_choice import ChosenCamera
from p3mvideo.app.live.quality import quality_ladder
from p3mvideo.app.live.quality.quality_ladder import FULL_QUALITY, Rung
from p3mvideo.cli import main
from p3mvideo.engine import LoadedEngine
from p3mvideo.io.devices.camera import Camera
from p3mvideo.openvino_cpu import CORE
from tests.app.live.recording_backend import registered
from tests.app.live.room import RoomCamera, RoomStageFactory

LOADING_SECONDS = 6.0
"""Longer than the end of a run waits."""

SECOND = Rung("second", long_side_px=48, network_cost=0.1)


class LoadingParts(RoomStageFactory):
    """Take long to load what is needed for the second level of quality."""

    def engine(self, rung: Rung) -> LoadedEngine:
        if rung is SECOND:
            print("loading", file=sys.stderr, flush=True)
            model, until = _model(), time.monotonic() + LOADING_SECONDS
            while time.monotonic() < until:
                CORE.compile_model(model, "CPU")
        return super().engine(rung)


def _model() -> ov.Model:
    """Return a model that takes a while to be compiled."""
    ops = ov.opset13
    given = ops.parameter([1, 16, 64, 64], np.float32)
    node = given
    for _ in range(30):
        weights = ops.constant(np.random.default_rng(1).standard_normal((16, 16, 3, 3)).astype(np.float32))
        node = ops.relu(ops.convolution(node, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    return ov.Model([node], [given])


def run() -> None:
    """Run the command with the made-up parts."""

    def open_camera(size: tuple[int, int], rate: Fraction) -> Camera:
        return RoomCamera(lambda number: None)

    with registered() as backend, pytest.MonkeyPatch.context() as patch:
        patch.setattr(webcam_module, "choose_camera", lambda *_: ChosenCamera("room", False, open_camera))
        # Every image takes longer than there is time for, and that is noticed at once.
        patch.setattr(webcam_module, "DefaultStageFactory", lambda **_: LoadingParts(matter_fault=lambda made, call: time.sleep(0.2)))
        patch.setattr(session, "SETTLE_SECONDS", 0.0)
        patch.setattr(quality_ladder, "DOWN_EXCESS", quality_ladder.LARGEST_EXCESS)
        patch.setattr(webcam_module, "make_rungs", lambda **_: (FULL_QUALITY, SECOND))
        backend.keep = False
        sys.argv[1:1] = ["webcam"]
        main()


if __name__ == "__main__":
    run()
