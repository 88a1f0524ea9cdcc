"""The parts of a recording in which faces are looked for, each as if there were no other.

They are a matter of the recording's clock alone. So the same is found whether one process looks at all of them or several share them, and wherever
their work was interrupted.
"""

from __future__ import annotations

from math import floor
from typing import Final

PART_SECONDS: Final = 240.0
"""How long a part is."""
BEFORE_SECONDS: Final = 4.0
"""How long before it looking for its faces begins: they are known again when it does."""


def part_at(seconds: float) -> int:
    """Return the number of the part that a time belongs to."""
    return floor(seconds / PART_SECONDS)


def part_end(part: int) -> float:
    """Return where a part ends and the next one begins, in seconds."""
    return (part + 1) * PART_SECONDS


def looking_begins(part: int) -> float:
    """Return the time of the first frame that is looked at for a part, in seconds."""
    return part * PART_SECONDS - BEFORE_SECONDS
