"""Lets training on a CPU use memory again instead of asking the system for it at every step."""

from __future__ import annotations

import ctypes
import sys

# From glibc's malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3


def keep_memory() -> bool:
    """Have glibc keep what this process frees, and return whether it does; other systems do without.

    By default whatever is larger than 32 MB is mapped again for each tensor, and cleared page by page as it is first touched: with
    activations of that size this took about a seventh of the time of a training step. See mallopt(3).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False  # a C library that is not glibc
    return all(mallopt(*setting) == 1 for setting in ((MMAP_THRESHOLD, 1 << 30), (TRIM_THRESHOLD, (1 << 31) - 1), (TOP_PAD, 1 << 26)))
