"""How mattes are smoothed over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from p3mvideo.options.option import Option, Options

Smoothing = Literal["off", "ema", "adaptive"]


@dataclass(frozen=True, kw_only=True)
class SmoothingOptions(Options):
    """The temporal filter."""

    panel: ClassVar[str | None] = "Matte"

    smoothing: Annotated[Smoothing, Option("Temporal smoothing of mattes: off, a running average (ema), or along the motion (adaptive).")] = (
        "adaptive"
    )
    smoothing_strength: Annotated[float, Option("How long mattes are remembered, from 0 to 1.", minimum=0, maximum=1)] = 0.5
    lookahead: Annotated[int, Option("Following frames that adaptive smoothing looks at; live streams look at none.", minimum=0, maximum=1000)] = 3
