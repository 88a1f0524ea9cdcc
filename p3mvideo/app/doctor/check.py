"""One finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Check:
    """Something that was looked at."""

    area: str
    """What it belongs to."""
    name: str
    status: Status
    """`warning` where it works with less; `missing` where it does not."""
    detail: str
    """What was found."""
    fix: str = ""
    """What to do about it; empty if nothing."""
    essential: bool = False
    """Whether no video can be processed without it."""
