"""How much memory this process has, and what becomes of what it frees: the C library decides that; glibc, Linux' as a rule, can be told."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any, Final

TRIM_THRESHOLD: Final = -1
"""From glibc's malloc.h, as the next three."""
TOP_PAD: Final = -2
MMAP_THRESHOLD: Final = -3
ARENA_MAX: Final = -8
ARENAS: Final = 2
"""Of a process whose threads pass images on to each other."""


def resident_mib() -> float:
    """Return how much memory of this process is in RAM, in MiB; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0.0
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def keep_memory() -> bool:
    """Have glibc keep what this process frees, and return whether it does; other systems do without.

    By default whatever is larger than 32 MB is mapped again for each tensor, and cleared page by page as it is first touched: with
    activations of that size this took about a seventh of the time of a training step. See mallopt(3).
    """
    mallopt = _of_glibc("mallopt")
    return mallopt is not None and all(
        mallopt(*setting) == 1 for setting in ((MMAP_THRESHOLD, 1 << 30), (TRIM_THRESHOLD, (1 << 31) - 1), (TOP_PAD, 1 << 26))
    )


def limit_arenas() -> bool:
    """Have glibc serve all threads from two arenas, and return whether it does; other systems do without. Before threads are begun.

    By default each of the first threads, up to eight for every core, has an arena of its own. What one thread frees is of no use to another one
    then, so where images go from thread to thread each arena grows to what its thread needed at most. See mallopt(3).
    """
    mallopt = _of_glibc("mallopt")
    return mallopt is not None and mallopt(ARENA_MAX, ARENAS) == 1


def give_back_memory() -> bool:
    """Have glibc give back what this process has freed, and return whether it did; other systems do without.

    Each thread has blocks of its own, and ordinarily only what lies at the end of one returns to the system: where large things come and go in
    several threads, a process grows for a long time. See malloc_trim(3).
    """
    trim = _of_glibc("malloc_trim")
    return trim is not None and trim(0) == 1


def _of_glibc(name: str) -> Any:
    """Return a function of glibc; None where the C library is another one."""
    try:
        return getattr(ctypes.CDLL(None), name) if sys.platform == "linux" else None
    except (OSError, AttributeError):
        return None
