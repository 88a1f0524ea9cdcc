"""Which unit is taken from a slow worker, and when."""

from __future__ import annotations

from pathlib import Path

from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.unit import Unit
from p3mvideo.app.batch.workers.stragglers import Stragglers
from p3mvideo.io.inputs import Input


def unit(number: int) -> Unit:
    return Unit(Input(Path("a.mp4"), "video", Path("a.mp4")), OutputPlan(Path("b.mp4")), number, size=1000)


class Run:
    """Three units that took 30 s each, and two in work: one as fast, one five times slower."""

    def __init__(self, *, ended: int = 3) -> None:
        self.now = 0.0
        self.stragglers = Stragglers(clock=lambda: self.now)
        for number in range(ended):
            self.stragglers.begin(unit(number), 100)
        self.pass_seconds(30)
        for number in range(ended):
            self.stragglers.end(unit(number))
        for number in (10, 11):
            self.stragglers.begin(unit(number), 100)

    def pass_seconds(self, seconds: float) -> None:
        self.now += seconds


def test_the_slow_one_is_moved_once() -> None:
    run = Run()
    run.pass_seconds(9)
    run.stragglers.advance(unit(10), 30)
    assert run.stragglers.find() is None, "of the other one nothing has been heard"
    run.stragglers.advance(unit(11), 6)
    assert run.stragglers.find() == unit(11)
    run.stragglers.begin(unit(11), 100)
    run.pass_seconds(9)
    run.stragglers.advance(unit(11), 6)
    assert run.stragglers.find() is None


def test_nothing_is_moved_that_would_not_gain_by_it() -> None:
    run = Run()
    run.pass_seconds(120)
    run.stragglers.advance(unit(11), 80)  # 30 s are left, as many as another one would need
    assert run.stragglers.find() is None
    run.stragglers.exclude(unit(10))
    run.stragglers.advance(unit(10), 1)
    assert run.stragglers.find() is None
    few = Run(ended=2)
    few.pass_seconds(9)
    few.stragglers.advance(unit(11), 1)
    assert few.stragglers.find() is None, "what one takes is not known yet"
