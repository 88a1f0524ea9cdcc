"""One of several shares of the same work, as people write it."""

from __future__ import annotations

import re

from p3mvideo.errors import ConfigError

Shard = tuple[int, int]
"""Which share, counted from 0, and how many there are."""


def parse_shard(text: str) -> Shard:
    """Read I/N.

    Raises:
        ConfigError: It is something else, or I is not from 0 to N - 1.
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if found is None or not int(found[1]) < int(found[2]):
        raise ConfigError(f"{text!r} is not a share I/N of N with I from 0 to N-1", hint="the first of four is 0/4, the last 3/4")
    return int(found[1]), int(found[2])


def show_shard(shard: Shard) -> str:
    """Write I/N."""
    return f"{shard[0]}/{shard[1]}"
