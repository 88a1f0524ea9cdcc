"""Points in time as people write them."""

import re
from fractions import Fraction

from p3mvideo.errors import ConfigError


def parse_time(text: str | float | None, option: str) -> Fraction | None:
    """Return seconds for `90`, `1:30`, `0:01:30.5`; None stays None.

    Raises:
        ConfigError: It is none of these.
    """
    if text is None:
        return None
    written = str(text).strip()
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d+)?", written):
        raise ConfigError(f"{option} {written!r} is not a time", hint="write seconds or [hours:]minutes:seconds, such as 12.5 or 1:02")
    seconds = Fraction(0)
    for part in written.split(":"):
        seconds = seconds * 60 + Fraction(part)
    return seconds
