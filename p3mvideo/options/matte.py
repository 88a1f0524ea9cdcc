"""What is done to mattes by hand, after the network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from p3mvideo.errors import ConfigError
from p3mvideo.options.option import Option, Options
from p3mvideo.options.parsing.times import parse_time

POINT = "T,X,Y"


class PersonPoint(NamedTuple):
    """A place in a frame at which a person is, and what is decided about them."""

    seconds: Fraction
    """Of the frame; it is the first one that is not earlier."""
    x: float
    """In pixels of the frame, from the left."""
    y: float
    """In pixels of the frame, from the top."""
    stays: bool
    """Whether the person stays in the matte."""

    @property
    def text(self) -> str:
        """It as the command line takes it."""
        return f"--{'select' if self.stays else 'reject'} {float(self.seconds):g},{self.x:g},{self.y:g}"


@dataclass(frozen=True, kw_only=True)
class MatteOptions(Options):
    """Corrections of every matte, at the frame's size, and who of several people stays in it."""

    panel: ClassVar[str | None] = "Matte"

    select: Annotated[
        tuple[str, ...],
        Option("Only the person at this time and at this place in pixels stays, followed over time; may be given several times.", metavar=POINT),
    ] = ()
    reject: Annotated[
        tuple[str, ...],
        Option("The person at this time and at this place in pixels goes, followed over time; may be given several times.", metavar=POINT),
    ] = ()
    mask: Annotated[
        Path | None,
        Option("Grey image over every frame: white is always the person, black never, mid-grey leaves it to the network.", metavar="IMAGE"),
    ] = None
    fill_holes: Annotated[float, Option("Fill holes in the person up to this fraction of the frame.", minimum=0, maximum=1)] = 0.0
    choke: Annotated[int, Option("Pixels by which the outline is shrunk; negative grows it.", minimum=-200, maximum=200)] = 0
    feather: Annotated[float, Option("Blur of the outline: standard deviation in pixels.", minimum=0, maximum=200)] = 0.0

    def check(self) -> None:
        """Raise ConfigError where a point is none."""
        _ = self.people

    @property
    def people(self) -> tuple[PersonPoint, ...]:
        """The points of `select` and `reject`, in the order of their times."""
        points = [_point(text, "--select", stays=True) for text in self.select] + [_point(text, "--reject", stays=False) for text in self.reject]
        return tuple(sorted(points, key=lambda point: point.seconds))


def _point(text: str, option: str, *, stays: bool) -> PersonPoint:
    """Read TIME,X,Y.

    Raises:
        ConfigError: It is something else.
    """
    time, *place = text.split(",")
    if len(place) != 2 or not all(re.fullmatch(r"\d{1,6}(\.\d{1,6})?", part.strip()) for part in place):
        raise ConfigError(f"{option} {text!r} is not a time and a place", hint="write T,X,Y: seconds, then pixels from the left and from the top")
    seconds = parse_time(time, option)
    assert seconds is not None
    return PersonPoint(seconds, float(place[0]), float(place[1]), stays)
