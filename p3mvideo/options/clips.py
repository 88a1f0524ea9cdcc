"""Which clips of moving people are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from p3mvideo.errors import ConfigError
from p3mvideo.options.option import Option, Options
from p3mvideo.options.parsing.texts import parse_size, show_size

SMALLEST_PX = 32


@dataclass(frozen=True, kw_only=True)
class ClipOptions(Options):
    """Motion, number, length and size of clips that are made from portraits."""

    motion: Annotated[
        tuple[str, ...],
        Option("Kind of motion: still, still_compressed, breathing, talking, nodding, exposure, handheld, turning, occluded, waving, walking or "
               "fast; repeat for several, by default all."),
    ] = ()  # fmt: skip
    count: Annotated[int, Option("Number of clips.", minimum=1)] = 12
    seconds: Annotated[float, Option("Length of each clip in seconds.", above=0)] = 2.0
    rate: Annotated[float, Option("Frames per second.", above=0)] = 30.0
    size: Annotated[tuple[int, int], Option("Size of the frames.", metavar="WxH", parse=parse_size, show=show_size)] = (512, 288)
    seed: Annotated[int, Option("Random seed of paths and backgrounds.", minimum=0)] = 0

    def check(self) -> None:
        """Raise ConfigError where a clip would have no frame, or too small ones."""
        if self.frames < 1 or min(self.size) < SMALLEST_PX:
            got = f"clips of {self.frames} frames of {show_size(self.size)} cannot be made"
            raise ConfigError(got, hint=f"at least 1 frame of {SMALLEST_PX}x{SMALLEST_PX} pixels")

    @property
    def frames(self) -> int:
        """Frames of each clip."""
        return round(self.seconds * self.rate)
