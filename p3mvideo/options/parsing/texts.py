"""Options that people write as text with a form of its own: sizes, bit rates, ratios."""

from __future__ import annotations

import re
from typing import Literal

from p3mvideo.errors import ConfigError


def parse_ratio(text: str) -> float | Literal["auto"]:
    """Read a ratio above 0 and up to 1, or auto."""
    try:
        ratio = text if text == "auto" else float(text)
    except ValueError:
        ratio = 0.0
    if ratio == "auto":
        return "auto"
    assert isinstance(ratio, float)
    if not 0 < ratio <= 1:
        raise ConfigError(f"{text!r} is not auto or a number above 0 and up to 1", hint="0.5 halves the frame")
    return ratio


def parse_every(text: str) -> int | Literal["auto"]:
    """Read a number of frames from 1, or auto."""
    if text == "auto":
        return "auto"
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise ConfigError(f"{text!r} is not auto or a whole number from 1", hint="1 is every frame")
    return int(text)


def parse_bitrate(text: str) -> int:
    """Read bits per second, with k or M for thousands or millions."""
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    try:
        return round(float(text if factor == 1 else text[:-1]) * factor)
    except (ValueError, OverflowError):
        raise ConfigError(f"{text!r} is not a bit rate", hint="write bits per second, such as 800k or 4M") from None


def parse_pair(text: str) -> tuple[float, float]:
    """Read LOW,HIGH: two numbers, the smaller one first."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 1.0, 0.0
    if not low <= high:
        raise ConfigError(f"{text!r} is not a range", hint="write LOW,HIGH, such as 0.8,1.2")
    return low, high


def show_pair(pair: tuple[float, float]) -> str:
    """Write LOW,HIGH."""
    return f"{pair[0]:g},{pair[1]:g}"


def parse_size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT in pixels."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text.strip().lower())
    if found is None:
        raise ConfigError(f"{text!r} is not a size", hint="write WIDTHxHEIGHT, such as 1280x720")
    return int(found[1]), int(found[2])


def show_size(size: tuple[int, int]) -> str:
    """Write WIDTHxHEIGHT."""
    return f"{size[0]}x{size[1]}"
