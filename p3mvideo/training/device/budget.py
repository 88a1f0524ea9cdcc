"""How far a run is: by its steps, or by the clock."""

from __future__ import annotations

import time

from p3mvideo.training.setup import BY_THE_CLOCK

MEASURED_FROM = 3
"""Steps after which the time of a step is believed: the first ones allocate memory, choose kernels, and compile."""


class Budget:
    """Says when a run is over, and how many steps it has in all, so that the learning rate comes down exactly then.

    Args:
        steps: Of the whole run; None goes by the clock.
        seconds: That this process may take, from `begun` on; needed without `steps`.
        begun: `time.monotonic()` when this process began.
        spent: Seconds that earlier parts of the run took.
        first: The step that this process goes on from. Until it has measured its own steps, they count as long as the earlier ones were.
    """

    def __init__(self, *, steps: int | None, seconds: float | None, begun: float, spent: float = 0.0, first: int = 0) -> None:
        if (steps is None) == (seconds is None):
            raise ValueError("a run goes by steps or by seconds")
        self._steps, self._seconds, self._begun, self._spent, self._first = steps, seconds or 0.0, begun, spent, first
        self._earlier = spent / first if first else 0.0
        self._since: tuple[int, float] | None = None
        self.reserve = 5.0
        """Seconds that the end of the run takes: the last checkpoint and the weights."""

    def elapsed(self) -> float:
        """Return how many seconds the run took so far."""
        return self._spent + time.monotonic() - self._begun

    def total(self, step: int) -> int:
        """Return how many steps the whole run will have, as far as can be told before step number `step`."""
        if self._steps is not None:
            return self._steps
        seconds = self._step_seconds(step) or self._earlier
        if not seconds:  # many: learning begins with the warm-up
            return BY_THE_CLOCK
        return step + max(1, int((self._left() - self.reserve) / seconds))

    def is_over(self, step: int) -> bool:
        """Return whether no step may follow after `step` of them."""
        if self._steps is not None:
            return step >= self._steps
        return self._left() - self.reserve < (self._step_seconds(step) or 0.0)

    def _left(self) -> float:
        return self._begun + self._seconds - time.monotonic()

    def _step_seconds(self, step: int) -> float | None:
        if self._since is None:
            if step >= self._first + MEASURED_FROM:
                self._since = step, time.monotonic()
            return None
        begin, moment = self._since
        return (time.monotonic() - moment) / (step - begin) if step > begin else None
