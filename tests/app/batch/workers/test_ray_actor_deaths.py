"""Actors that die at the worst moments; with a stand-in for Ray, in which each call has its answer at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.unit import Recipe, Unit
from p3mvideo.app.batch.workers import ray_workers
from p3mvideo.app.batch.workers.ray_workers import RayWorkers
from p3mvideo.io.inputs import Input
from p3mvideo.options import BatchOptions


class RayError(Exception):
    """See `ray.exceptions`."""


class OneAnswer:
    """An actor that answers one call and is dead then."""

    def __init__(self) -> None:
        self._is_dead = False
        self.load = self._method({"ready": "", "node": "here"})
        self.events = self._method([])
        self.run = self._method({"result": {}})

    def _method(self, answer: Any) -> SimpleNamespace:
        def call() -> Any:
            if self._is_dead:
                raise RayError
            self._is_dead = True
            return answer

        return SimpleNamespace(remote=lambda *_: call)


class StandIn:
    """What `RayWorkers` uses of Ray."""

    exceptions = SimpleNamespace(RayError=RayError, RayActorError=RayError)

    def remote(self, kind: type) -> SimpleNamespace:
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda *_: OneAnswer()))

    def wait(self, calls: list[Any], timeout: float, num_returns: int = 1) -> tuple[list[Any], list[Any]]:
        return calls, []

    def get(self, call: Callable[[], Any]) -> Any:
        return call()

    def kill(self, actor: OneAnswer) -> None:
        pass

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": "here", "Alive": True}]


def test_the_unit_of_an_actor_that_dies_as_soon_as_it_has_loaded_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_workers, "_connect", lambda options: (StandIn(), None))
    workers = RayWorkers(Recipe("", {}), BatchOptions(cluster="local"))
    unit = Unit(Input(Path("a.mp4"), "video", Path("a.mp4")), OutputPlan(Path("b.mp4")))
    workers.submit(unit)
    events = workers.poll(0)
    assert [event.unit for event in events if "died" in event.values] == [unit]
