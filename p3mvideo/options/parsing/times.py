"""Points in time and frame rates as people write them."""

import re
import reprlib
from fractions import Fraction

from p3mvideo.errors import ConfigError

LONGEST_SECONDS = 1_000_000_000
"""What every container can count in its own unit of time."""
LONGEST_TEXT = 40
MIN_RATE, MAX_RATE = 0.001, 1000


def parse_time(text: str | float | None, option: str) -> Fraction | None:
    """Return seconds for `90`, `1:30`, `0:01:30.5`; None stays None.

    Raises:
        ConfigError: It is none of these.
    """
    if text is None:
        return None
    written = str(text).strip()
    if len(written) > LONGEST_TEXT or not re.fullmatch(r"(\d+:){0,2}\d+(\.\d+)?", written):
        raise ConfigError(f"{option} {reprlib.repr(written)} is not a time", hint="write seconds or [hours:]minutes:seconds, such as 12.5 or 1:02")
    seconds = Fraction(0)
    for part in written.split(":"):
        seconds = seconds * 60 + Fraction(part)
    if seconds > LONGEST_SECONDS:
        raise ConfigError(f"{option} {written!r} is longer than any video", hint="check its unit: plain numbers are seconds")
    return seconds


def exact_rate(rate: float | None) -> Fraction | None:
    """Return frames per second for 25, 29.97 or 23.976: the NTSC rates are n x 1000/1001, whatever is written; None stays None.

    Raises:
        ConfigError: It is not a possible rate.
    """
    if rate is None:
        return None
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ConfigError(f"--rate goes from {MIN_RATE} to {MAX_RATE} frames per second, got {rate:g}", hint="write it like 25 or 29.97")
    ntsc = Fraction(round(rate * 1.001) * 1000, 1001)
    return ntsc if ntsc and abs(ntsc - Fraction(rate)) < Fraction(1, 200) and rate % 1 else Fraction(rate).limit_denominator(1001)
