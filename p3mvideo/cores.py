"""How many processor cores this process may use."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux says how much processor time a container gets in a period: both in microseconds, or "max" for as much as there is."""


def usable_cores() -> int:
    """Return the number of cores that the system lets this process use: a container or `taskset` may leave it fewer than the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _cores_of_quota()))


def _cores_of_quota() -> int:
    try:
        time, period = QUOTA.read_text(encoding="ascii").split()
        return ceil(int(time) / int(period))
    except (OSError, ValueError, ZeroDivisionError):  # no container, or one without a limit
        return os.cpu_count() or 1
