"""Names of numbered images, such as frame_%05d.png."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from p3mvideo.errors import ConfigError

PLACE: Final = re.compile(r"%(?:0(\d+))?d")


def is_pattern(path: Path) -> bool:
    """Return whether a file name has one place for a number."""
    return len(PLACE.findall(path.name)) == 1


def numbered(pattern: Path, number: int) -> Path:
    """Return the name of the image with this number.

    Raises:
        ConfigError: If `pattern` is none.
    """
    _check(pattern)
    return pattern.with_name(PLACE.sub(lambda place: f"{number:0{place[1] or 1}d}", pattern.name))


def find_numbered(pattern: Path) -> dict[int, Path]:
    """Return the images that fit a pattern, by number, in order.

    Raises:
        ConfigError: If `pattern` is none.
    """
    _check(pattern)
    head, tail = (re.escape(part) for part in PLACE.sub("\0", pattern.name).split("\0"))
    width = PLACE.findall(pattern.name)[0]
    digits = rf"\d{{{width},}}" if width else r"\d+"
    fits = re.compile(f"{head}({digits}){tail}")
    folder = pattern.parent
    if not folder.is_dir():
        return {}
    found = {int(match[1]): path for path in folder.iterdir() if (match := fits.fullmatch(path.name))}
    return dict(sorted(found.items()))


def _check(pattern: Path) -> None:
    if not is_pattern(pattern):
        raise ConfigError(f"{pattern} has no place for a number", hint="write one like frame_%05d.png")
