"""SMPTE timecodes (SMPTE ST 12-1): the number of a frame, written as a time of day."""

from __future__ import annotations

import math
import re
from fractions import Fraction

WRITTEN = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.])(\d{2,3})")


def moved_timecode(text: str, seconds: Fraction, rate: Fraction) -> str | None:
    """Return the timecode of the first frame that is shown `seconds` or later after the frame of timecode `text`.

    Args:
        text: HH:MM:SS:FF, or HH:MM:SS;FF in drop-frame counting.
        seconds: How far to move, 0 or more.
        rate: Frames per second.

    Returns:
        The moved timecode; None where `text` is none.
    """
    found = WRITTEN.fullmatch(text.strip())
    if found is None or rate <= 0:
        return None
    hours, minutes, whole_seconds, frame = (int(found[group]) for group in (1, 2, 3, 5))
    base = max(1, round(rate))  # frames that a second counts
    # Drop-frame counting leaves out two numbers (per 30 frames) at every full minute but each tenth.
    dropped = round(base / 15) if found[4] in ";." else 0
    total_minutes = hours * 60 + minutes
    number = (total_minutes * 60 + whole_seconds) * base + frame - dropped * (total_minutes - total_minutes // 10)
    number += math.ceil(seconds * rate)
    if dropped:
        ten_minutes, rest = divmod(number, base * 600 - dropped * 9)
        number += dropped * 9 * ten_minutes
        if rest >= base * 60:  # the first minute of ten drops none
            number += dropped * ((rest - base * 60) // (base * 60 - dropped) + 1)
    seconds_of_day, frame = divmod(number, base)
    hours, seconds_of_hour = divmod(seconds_of_day % 86_400, 3600)
    return f"{hours:02}:{seconds_of_hour // 60:02}:{seconds_of_hour % 60:02}{found[4]}{frame:02}"
