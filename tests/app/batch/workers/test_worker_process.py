"""A worker process that can work on nothing says so once, and prints nothing."""

from __future__ import annotations

import atexit
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.unit import Recipe, Unit, Work
from p3mvideo.app.batch.workers.workers import LocalWorkers
from p3mvideo.errors import WeightsError, error_from_json
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener

LONG_SECONDS = 600


def refuse(options: Mapping[str, Any], listener: Listener) -> Work:
    """See `Recipe.entry`: refuses, and the interpreter takes long to end then. The option `ending` names a file that is there from then on."""

    def end_slowly() -> None:
        Path(options["ending"]).touch()
        time.sleep(LONG_SECONDS)

    atexit.register(end_slowly)
    raise WeightsError("there are none")


def test_one_that_is_ended_after_it_refused_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ending = tmp_path / "ending"
    workers = LocalWorkers(Recipe(f"{__name__}:refuse", {"ending": str(ending)}, "weights"), 1)
    try:
        workers.submit(Unit(Input(Path("a.mp4"), "video", Path("a.mp4")), OutputPlan(Path("b.mp4"))))
        events = list(workers.poll(LONG_SECONDS))
        while not ending.exists():
            time.sleep(0.01)
    finally:
        workers.close()
    assert [error_from_json(event.values["refused"]).message for event in events] == ["there are none"]
    assert capfd.readouterr().err == ""
