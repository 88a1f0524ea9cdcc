"""Keeps MediaPipe from reporting its use.

Since version 1.0 every MediaPipe task carries a usage logger: a thread inside its C library that posts to play.googleapis.com
when a task is made, once a minute, and when it is closed. It has no switch. It uses libcurl, which asks the C environment for a
proxy at each post, so a proxy of an unknown kind makes every post fail before a name is looked up or a connection opened.
"""

from __future__ import annotations

import os

# Lower case first: libcurl prefers it. A scheme that no libcurl knows ends the attempt before a name is resolved.
DEAD_END = "denied://telemetry.invalid"
# Neither may be empty, which libcurl takes for unset; and a user's "*" here would lead around the dead end.
EXCEPT_FOR = "nothing.invalid"


def deny_telemetry() -> None:
    """Point every HTTPS client in this process that reads the C environment, as libcurl does, at a dead end.

    `os.putenv` leaves `os.environ` alone: Python's own clients, and processes that are started with a copy of `os.environ`,
    are not affected. Must run before the first MediaPipe task is made. May be called any number of times.
    """
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        os.putenv(name, DEAD_END)
    for name in ("no_proxy", "NO_PROXY"):
        os.putenv(name, EXCEPT_FOR)
