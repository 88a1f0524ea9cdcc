"""The ladder of quality in a live run."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence

import pytest
import torch

from p3mvideo.app import webcam as webcam_module
from p3mvideo.app.live import session
from p3mvideo.app.live.quality import load_meter, quality_ladder
from p3mvideo.app.live.quality.quality_ladder import FULL_QUALITY, Rung
from p3mvideo.engine import LoadedEngine
from p3mvideo.frame import Pixels
from p3mvideo.matte import Matte
from tests.app.live.room import RoomStageFactory, Stage, wait_for

LOWEST = "network at the frames that need it"
"""The room is too small for smaller working sizes and pictures."""


def test_a_slow_network_leads_down_and_a_fast_one_up_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_meter, "OBSERVE_SECONDS", 0.1)
    monkeypatch.setattr(session, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(quality_ladder, "UP_AFTER", 3)
    slow = True

    def fault(made: int, call: int) -> None:
        time.sleep(0.06 if slow else 0)

    stage.parts.matter_fault = fault
    # A camera of ten images a second leaves room on a busy machine, too.
    stage.camera_fault = lambda opened, number: None if slow else time.sleep(0.08)

    def script() -> None:
        nonlocal slow
        wait_for(lambda: any(said == f"quality: {LOWEST}" for said in stage.said), "the lowest rung")
        slow = False
        wait_for(lambda: stage.said[-1] == "quality: full quality", "the highest rung")
        stage.wait_for_live()

    stage.run(script)
    stage.check()
    assert stage.said.count(f"quality: {LOWEST}") >= 1


def test_a_run_begins_at_the_quality_that_the_network_has_the_time_for(stage: Stage) -> None:
    stage.parts.seconds = 0.05
    stage.run(stage.wait_for_live)
    stage.check()
    assert stage.said.count(f"quality: {LOWEST}") == 1
    assert stage.result is not None
    assert stage.result.quality == LOWEST
    assert len(stage.result.runs) == 1


def test_the_network_of_a_step_that_was_left_is_let_go(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_meter, "OBSERVE_SECONDS", 0.1)
    monkeypatch.setattr(session, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(session, "KEPT_SECONDS", 0.3)
    monkeypatch.setattr(webcam_module, "make_rungs", lambda **_: (FULL_QUALITY, Rung("half", picture_scale=0.5)))
    stage.parts.matter_fault = lambda made, call: time.sleep(0.06 if made == 1 else 0)
    networks: list[weakref.ref[object]] = []
    engine = RoomStageFactory.engine

    def make(self: RoomStageFactory, rung: Rung) -> LoadedEngine:
        made = engine(self, rung)
        networks.append(weakref.ref(made.engine))
        return made

    monkeypatch.setattr(RoomStageFactory, "engine", make)

    def script() -> None:
        wait_for(lambda: "quality: half" in stage.said, "the step down")
        stage.wait_for_live()
        wait_for(lambda: networks[0]() is None, "that the former network is let go")
        assert networks[-1]() is not None

    stage.run(script)
    stage.check()


@pytest.mark.parametrize(("severe", "taken"), [(1.0, "half"), (0.2, "small")])
def test_a_smaller_working_size_that_would_lose_a_shoulder_is_taken_only_where_too_many_images_are_dropped(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, severe: float, taken: str
) -> None:
    monkeypatch.setattr(session, "SEVERE_LOSS", severe)
    monkeypatch.setattr(load_meter, "OBSERVE_SECONDS", 0.3)  # so long that images are dropped in each, on a busy machine, too
    monkeypatch.setattr(session, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(session, "COMPARISON_SECONDS", 0.01)
    small, half = Rung("small", long_side_px=48, network_cost=0.3), Rung("half", picture_scale=0.5)
    monkeypatch.setattr(webcam_module, "make_rungs", lambda **_: (FULL_QUALITY, half, small))
    # At full quality, and at it alone, the time is too short.
    stage.parts.matter_fault = lambda made, call: time.sleep(0.06 if made == 1 else 0)
    engine = RoomStageFactory.engine

    def make(self: RoomStageFactory, rung: Rung) -> LoadedEngine:
        made = engine(self, rung)

        def one_sided(images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
            mattes = made.engine(images)
            for matte in mattes:
                columns = torch.nonzero(matte.alpha[0].amax(0))[:, 0]
                matte.alpha[0, -8:, : int(columns.min()) + 5] = 0  # at half the size, the person is 12 pixels wide and 21 high
            return mattes

        return LoadedEngine(one_sided, made.device, made.description) if rung is small else made

    monkeypatch.setattr(RoomStageFactory, "engine", make)
    # Half of the time would be spared; the trial asks for the least rung.
    monkeypatch.setattr(quality_ladder, "FIXED_COST", 0.9)

    def script() -> None:
        wait_for(lambda: f"quality: {taken}" in stage.said, "the step down")
        stage.wait_for_live()

    stage.run(script)
    assert ("not taken, for part of the person would be lost: small" in stage.said) == (taken == "half")
    assert ("quality: small" in stage.said) == (taken == "small")
