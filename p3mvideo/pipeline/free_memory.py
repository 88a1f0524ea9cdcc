"""Giving memory back to the system that the C library keeps for later."""

from __future__ import annotations

import ctypes
import sys


def return_free_memory() -> None:
    """Give memory that was freed back to the system.

    glibc keeps what is freed, in arenas of which each serves a few threads, and gives little of it back by itself: what loading took
    stays for good, and the gaps between what is in use grow as frames come and go. With another C library this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return
    trim(0)
