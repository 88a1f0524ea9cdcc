"""A ladder of quality: down when the time is short, up again when there is room, and not back and forth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from p3mvideo.weights import SMALL_MODEL

SMALL_COST = 0.4
"""What the small network takes, compared with the default one."""
LOST_SHARE = 0.05
"""More dropped images than this are too many."""
ROOMY_LOAD = 0.6
"""Below this use of its time, the busiest stage has room for more."""
DOWN_AFTER = 3
"""Bad observations in a row after which quality goes down."""
UP_AFTER = 10
"""Roomy observations in a row after which it goes up."""
PROBATION = 30
"""Observations for which a step up must hold; else the next one waits twice as long."""
LONGEST_WAIT = 320
"""Observations that a step up waits for at most."""
TRIAL = 2
"""Observations at the beginning of a run that decide where on the ladder it goes on."""
REFUSED_FOR = 60
"""Observations for which a rung that would lose part of the person is left out."""


@dataclass(frozen=True)
class Rung:
    """One level of quality."""

    name: str
    """What is said of it when it is taken."""
    model: str
    """Weights of the network."""
    long_side_px: int | None
    """Longer side of the working size; None for the size that was asked for."""
    detector_every: int = 1
    """Faces are looked for in every frame, every second one, ..."""
    network_cost: float = 1.0
    """Estimate of what the network takes for an image, compared with the first rung."""


def make_rungs(model: str, *, long_side_px: int, anonymize: Literal["input", "output", "off"]) -> tuple[Rung, ...]:
    """Return the levels of quality from the best to the least: working size, then the face detector's rate, then the smaller network.

    Where faces are to be hidden from viewers, every frame is looked at on every rung: privacy is not traded for speed.

    Args:
        model: Weights that were asked for.
        long_side_px: Longer side of the working size that was asked for.
        anonymize: What faces are hidden from.
    """
    rungs = [Rung("full quality", model, None)]
    for side_px in (384, 256):
        if side_px < long_side_px:
            rungs.append(Rung(f"working size {side_px} pixels", model, side_px, network_cost=(side_px / long_side_px) ** 2))
    side, cost = rungs[-1].long_side_px, rungs[-1].network_cost
    every = 1
    if anonymize == "input":
        every = 2
        rungs.append(Rung("faces looked for in every second frame", model, side, every, cost))
    if model != SMALL_MODEL:
        rungs.append(Rung(f"the smaller network {SMALL_MODEL}", SMALL_MODEL, side, every, SMALL_COST * cost))
    return tuple(rungs)


class Ladder:
    """Which rung to stand on. Takes an observation about once a second.

    Args:
        rungs: From the best to the least.
    """

    def __init__(self, rungs: Sequence[Rung]) -> None:
        self.rungs = tuple(rungs)
        self.step = 0
        """Index of the present rung."""
        self._bad = self._roomy = 0
        self._since_up: int | None = None
        self._wait = UP_AFTER
        self._refused: dict[int, int] = {}
        self._trial: list[tuple[float, float]] = []

    @property
    def rung(self) -> Rung:
        """The present rung."""
        return self.rungs[self.step]

    def try_out(self, *, lost_share: float, network_share: float) -> bool:
        """Take one of the first `TRIAL` observations of a run and return whether the step has changed.

        After the last one it goes straight to the step that will hold. That spares a slow machine the way down, step by step.

        Args:
            lost_share: See `observe`.
            network_share: Share of the work for an image that the network does, in [0, 1].
        """
        self._trial.append((lost_share, network_share))
        if len(self._trial) < TRIAL or min(lost for lost, _ in self._trial) <= LOST_SHARE:
            return False
        lost_share, network_share = (sum(values) / TRIAL for values in zip(*self._trial, strict=True))
        affordable = (network_share - lost_share) / max(network_share, 0.01)
        fitting = (step for step, rung in enumerate(self.rungs) if rung.network_cost <= affordable)
        step = next(fitting, len(self.rungs) - 1)
        moved = step != self.step
        self._move(step)
        return moved

    @property
    def is_tried_out(self) -> bool:
        """Whether the trial is over."""
        return len(self._trial) >= TRIAL

    def observe(self, *, lost_share: float, load: float) -> bool:
        """Take an observation of about a second and return whether the step has changed.

        Args:
            lost_share: Dropped images over all, in [0, 1].
            load: Share of its time that the busiest stage worked, in [0, 1].
        """
        if self._since_up is not None:
            self._since_up += 1
            if self._since_up >= PROBATION:
                self._since_up, self._wait = None, UP_AFTER
        self._refused = {step: left - 1 for step, left in self._refused.items() if left > 1}
        self._bad = self._bad + 1 if lost_share > LOST_SHARE else 0
        self._roomy = self._roomy + 1 if lost_share == 0 and load < ROOMY_LOAD else 0
        lower, upper = self._next(range(self.step + 1, len(self.rungs))), self._next(range(self.step - 1, -1, -1))
        if self._bad >= DOWN_AFTER and lower is not None:
            if self._since_up is not None:
                self._wait = min(2 * self._wait, LONGEST_WAIT)
            self._move(lower)
            self._since_up = None
            return True
        if self._roomy >= self._wait and upper is not None:
            self._move(upper)
            self._since_up = 0
            return True
        return False

    def refuse(self, step: int) -> None:
        """Go back to a step, and leave the present one out for a while."""
        self._refused[self.step] = REFUSED_FOR
        self._move(step)

    def _next(self, steps: Iterable[int]) -> int | None:
        """Return the first of some steps that may be taken."""
        return next((step for step in steps if step not in self._refused), None)

    def _move(self, step: int) -> None:
        self.step = step
        self._bad = self._roomy = 0
