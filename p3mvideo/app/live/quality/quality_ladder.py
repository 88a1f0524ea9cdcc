"""A ladder of quality: down when the time is short, up again when there is room, and not back and forth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

PICTURE_SCALES = (2 / 3, 1 / 2)
"""How much smaller than the camera's the pictures are that a slow computer works on: 720 lines become 480, then 360."""
LONG_SIDES_PX = (384, 256)
"""Longer sides of the smaller working sizes. With the last one, arms and hair are lost, so it comes after everything else."""
ALL_CORES_COST = 0.75
"""Part of the network's time that is left where it takes all cores instead of half of them: two threads instead of one, beside all other stages."""
LOOKED_AT = 0.75
"""Part of the frames that need the network, see `p3mvideo.temporal.network_schedule`; of someone who hardly moves it is half."""
FIXED_COST = 0.3
"""Part of the work for an image, beside the network's, that a smaller picture does not spare."""
LOST_SHARE = 0.05
"""More dropped images than this are too many."""
ROOMY_LOAD = 0.6
"""Below this use of its time, the busiest stage has room for more."""
FULL_LOAD = 0.9
"""More of its time than this the network may not be expected to work after a step up: it would not hold."""
DOWN_EXCESS, LARGEST_EXCESS = 0.3, 0.1
"""Quality goes down once what was too much adds up to this. An observation counts for so much at most, a good one for less than nothing: a cumulative
sum (Page, "Continuous Inspection Schemes", Biometrika, 1954). So it takes three seconds of a stutter, and more where few images are dropped."""
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
    long_side_px: int | None = None
    """Longer side of the working size; None for the size that was asked for."""
    all_cores: bool = False
    """Whether the network takes all cores instead of half of them: sooner done, in more processor time."""
    network_every: int | Literal["auto"] = 1
    """See `EngineOptions.network_every`."""
    picture_scale: float = 1.0
    """The camera's pictures are scaled by this, worked on, and enlarged at the end."""
    network_cost: float = 1.0
    """Estimate of what the network takes for an image, compared with the first rung."""

    def looks_like(self, other: Rung) -> bool:
        """Return whether pictures are as good as another rung's: only the work is shared out differently."""
        return self == replace(other, name=self.name, network_cost=self.network_cost, all_cores=self.all_cores)

    @property
    def working_px(self) -> float:
        """Longer side of the working size, where the one that was asked for is larger than any."""
        return float("inf") if self.long_side_px is None else self.long_side_px

    def picture_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the size of the pictures that are worked on, for a camera of this even (width, height): even, too."""
        if self.picture_scale == 1:
            return size
        width, height = (max(2, 2 * round(side * self.picture_scale / 2)) for side in size)
        return width, height

    def cost(self, network_share: float) -> float:
        """Return an estimate of the work for an image, compared with the first rung, on which the network does a share of it in [0, 1]."""
        return network_share * self.network_cost + (1 - network_share) * (FIXED_COST + (1 - FIXED_COST) * self.picture_scale**2)


FULL_QUALITY = Rung("full quality")


def make_rungs(
    *,
    long_side_px: int,
    picture_px: int,
    network_every: int | Literal["auto"] = 1,
    spare_cores: bool = True,
) -> tuple[Rung, ...]:
    """Return the levels of quality from the best to the least: the network's share of the cores, its rate, working size, size of the pictures,
    both sizes, least ones. None of them looks for faces less often.

    Args:
        long_side_px: Longer side of the working size that was asked for.
        picture_px: Longer side of the camera's pictures, which are not made smaller than a working size.
        network_every: What was asked for.
        spare_cores: Whether there are cores that the network leaves to the other stages at first.
    """
    rungs = [replace(FULL_QUALITY, network_every=network_every)]
    network_cost = 1.0

    def add(name: str, **changes: Any) -> None:
        rungs.append(replace(rungs[-1], name=name, **changes))

    def add_sizes(scale: float, side_px: int | None) -> None:
        pictures = [] if scale == 1 else [f"pictures of {100 * scale:.0f} % of the size"]
        working = [] if side_px is None else [f"working size {side_px} pixels"]
        cost = network_cost * (1.0 if side_px is None else (side_px / long_side_px) ** 2)
        add(", ".join(pictures + working), picture_scale=scale, long_side_px=side_px, network_cost=cost)

    middle, least = LONG_SIDES_PX
    if spare_cores:
        network_cost *= ALL_CORES_COST
        add("full quality, network on all cores", all_cores=True, network_cost=network_cost)
    if network_every == 1:
        network_cost *= LOOKED_AT
        # Mattes that follow the motion are hardly worse. They lose nobody, and little of the steadiness that smoothing brings.
        add("network at the frames that need it", network_every="auto", network_cost=network_cost)
    if middle < long_side_px:
        add_sizes(1.0, middle)
    for scale in PICTURE_SCALES:
        if picture_px * scale < min(middle, long_side_px):
            break
        # First not with less for the network to see, which may lose part of the person.
        if middle >= long_side_px or (rungs[-1].picture_scale == 1 and picture_px * scale >= long_side_px):
            add_sizes(scale, None)
        if middle < long_side_px:
            add_sizes(scale, middle)
    if least < long_side_px:
        add_sizes(rungs[-1].picture_scale, least)
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
        self._network_share = 0.5
        self._roomy = 0
        self._excess = 0.0
        self._since_up: int | None = None
        self._wait = UP_AFTER
        self._refused: dict[int, int] = {}
        self._trial: list[float] = []

    @property
    def rung(self) -> Rung:
        """The present rung."""
        return self.rungs[self.step]

    @property
    def is_tried_out(self) -> bool:
        """Whether the trial at the beginning of a run is over."""
        return len(self._trial) >= TRIAL

    def begin(self, network_load: float) -> bool:
        """Take the step, before a run begins, at which the network would have the time, and return whether it is not the first one.

        Args:
            network_load: Time that the network takes for an image on the first step, over that from one image to the next.
        """
        self._move(next((step for step, rung in enumerate(self.rungs) if network_load * rung.network_cost <= FULL_LOAD), len(self.rungs) - 1))
        return self.step > 0

    def try_out(self, *, lost_share: float, network_share: float) -> bool:
        """Take one of the first `TRIAL` observations of a run and return whether the step has changed.

        After the last one it goes straight to the step that will hold. That spares a slow machine the way down, step by step.

        Args:
            lost_share: See `observe`.
            network_share: See `observe`.
        """
        self._trial.append(lost_share)
        self._learn(network_share)
        if len(self._trial) < TRIAL or min(self._trial) <= LOST_SHARE:
            return False
        before, affordable = self.step, self._cost(self.step) * (1 - sum(self._trial) / TRIAL)
        self._move(next((step for step in range(before, len(self.rungs)) if self._cost(step) <= affordable), len(self.rungs) - 1))
        return self.step != before

    def observe(self, *, lost_share: float, load: float, network_load: float, network_share: float) -> bool:
        """Take an observation of about a second and return whether the step has changed.

        Args:
            lost_share: Dropped images over all, in [0, 1].
            load: Share of its time that the busiest stage worked, in [0, 1].
            network_load: The same of the network.
            network_share: Share of the work for an image that the network does, in [0, 1].
        """
        self._learn(network_share)
        if self._since_up is not None:
            self._since_up += 1
            if self._since_up >= PROBATION:
                self._since_up, self._wait = None, UP_AFTER
        self._refused = {step: left - 1 for step, left in self._refused.items() if left > 1}
        self._excess = max(0.0, self._excess + min(lost_share - LOST_SHARE, LARGEST_EXCESS))
        self._roomy = self._roomy + 1 if lost_share == 0 and load < ROOMY_LOAD else 0
        if self._excess >= DOWN_EXCESS and (lower := self._cheaper(self.step)):
            if self._since_up is not None:
                self._wait = min(2 * self._wait, LONGEST_WAIT)
            self._move(lower[0])
            self._since_up = None
            return True
        if self._roomy >= self._wait and (upper := self._affordable(network_load)):
            self._move(upper[-1])
            self._since_up = 0
            return True
        return False

    def refuse(self, step: int) -> None:
        """Leave the present rung and all with as small a working size out for a while, and take the cheapest that is left below a step, or that step
        itself."""
        for other, rung in enumerate(self.rungs):
            if other > step and rung.working_px <= self.rung.working_px:
                self._refused[other] = REFUSED_FOR
        self._move(min(self._cheaper(step), key=self._cost, default=step))

    def _cheaper(self, step: int) -> list[int]:
        """Return the steps below one that cost less and may be taken."""
        lower = range(step + 1, len(self.rungs))
        return [other for other in lower if other not in self._refused and self._cost(other) < self._cost(step)]

    def _affordable(self, network_load: float) -> list[int]:
        """Return the steps above the present one that may be taken, and for which the network would have the time."""
        most = FULL_LOAD * self.rung.network_cost / network_load if network_load else float("inf")
        return [other for other in range(self.step) if other not in self._refused and self.rungs[other].network_cost <= most]

    def _cost(self, step: int) -> float:
        return self.rungs[step].cost(self._network_share)

    def _learn(self, network_share: float) -> None:
        """Take the network's share of the work on the present rung, to tell what others cost."""
        network, others = network_share / self.rung.cost(1.0), (1 - network_share) / self.rung.cost(0.0)
        self._network_share = network / (network + others)

    def _move(self, step: int) -> None:
        self.step = step
        self._roomy, self._excess = 0, 0.0
