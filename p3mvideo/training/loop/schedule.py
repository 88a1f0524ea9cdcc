"""The learning rate as a pure function of the step."""

import math
from typing import Literal


def learning_rate_factor(step: int, *, steps: int, warmup: int, schedule: Literal["constant", "cosine"] = "cosine", final: float = 0.01) -> float:
    """Return what the learning rate is multiplied with at a step: linear warm-up, then 1, or half a cosine down to `final`."""
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))
