"""The plain running average that most tools use. It steadies what is still and drags a trail behind what moves."""

import math

import numpy as np

from p3mvideo.frame import Float32Array, Frame
from p3mvideo.matte import Matte
from p3mvideo.temporal.moment import Moment, same_kind


class EmaFilter:
    """A `TemporalFilter` that blends each matte with the one before, wherever and whatever it shows.

    Args:
        memory_seconds: Time after which a matte's share has fallen to 1 / e. 0.2 seconds keep 85 % of the past at 30 frames a second.
    """

    def __init__(self, memory_seconds: float) -> None:
        if memory_seconds <= 0:
            raise ValueError(f"memory is longer than 0 seconds, got {memory_seconds}")
        self._memory_seconds = memory_seconds
        self._before: tuple[Moment, Matte] | None = None

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """Return the average of `matte` and those before, weighted by age."""
        moment = Moment.of(frame)
        if self._before is not None:
            earlier, past = self._before
            elapsed = earlier.seconds_until(moment)
            if elapsed is not None and same_kind(past, matte):
                matte = _blended(past, matte, 1 - math.exp(-elapsed / self._memory_seconds))
        self._before = moment, matte
        return matte

    def reset(self) -> None:
        """Forget all history."""
        self._before = None


def _blended(past: Matte, present: Matte, share: float) -> Matte:
    alpha = _mean(past.alpha_array(), present.alpha_array(), share)
    before, now = past.semantic_array(), present.semantic_array()
    return present.with_arrays(alpha, None if before is None or now is None else _mean(before, now, share))


def _mean(before: Float32Array, now: Float32Array, share: float) -> Float32Array:
    return before + np.float32(share) * (now - before)
