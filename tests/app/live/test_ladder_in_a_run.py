"""The ladder of quality in a live run."""

from __future__ import annotations

import time

import pytest

from p3mvideo.app.live import load_meter, quality_ladder, session
from tests.app.live.room import Stage, wait_for


def test_a_slow_network_leads_down_and_a_fast_one_up_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_meter, "OBSERVE_SECONDS", 0.1)
    monkeypatch.setattr(session, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(quality_ladder, "UP_AFTER", 3)
    slow = True

    def fault(made: int, call: int) -> None:
        time.sleep(0.06 if slow else 0)

    stage.parts.matter_fault = fault

    def script() -> None:
        nonlocal slow
        wait_for(lambda: any(said == "quality: the smaller network p3mnet-mobilenetv2-small" for said in stage.said), "the lowest rung")
        slow = False
        wait_for(lambda: stage.said[-1] == "quality: full quality", "the highest rung")
        stage.wait_for_live()

    # The room is too small for smaller working sizes.
    stage.run(script)
    stage.check()
    assert stage.said.count("quality: the smaller network p3mnet-mobilenetv2-small") >= 1
