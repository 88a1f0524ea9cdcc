"""What is done to mattes by hand, after the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from p3mvideo.options.option import Option, Options


@dataclass(frozen=True, kw_only=True)
class MatteOptions(Options):
    """Corrections of every matte, at the frame's size."""

    panel: ClassVar[str | None] = "Matte"

    mask: Annotated[
        Path | None,
        Option("Grey image over every frame: white is always the person, black never, mid-grey leaves it to the network.", metavar="IMAGE"),
    ] = None
    fill_holes: Annotated[float, Option("Fill holes in the person up to this fraction of the frame.", minimum=0, maximum=1)] = 0.0
    choke: Annotated[int, Option("Pixels by which the outline is shrunk; negative grows it.", minimum=-200, maximum=200)] = 0
    feather: Annotated[float, Option("Blur of the outline: standard deviation in pixels.", minimum=0, maximum=200)] = 0.0
