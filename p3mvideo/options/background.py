"""What is put behind the person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from p3mvideo.options.option import Option, Options

Fit = Literal["cover", "contain", "stretch", "tile"]


@dataclass(frozen=True, kw_only=True)
class BackgroundOptions(Options):
    """The new background and how it is brought to the frame's size."""

    panel: ClassVar[str | None] = "Background"

    background: Annotated[
        str | None,
        Option(
            "Colour, image, video, sunset, studio, shelves, blur[:STRENGTH] or transparent.",
            flags=("--bg",), aliases=("--background",), metavar="BG", unset="transparent where the output can hold it, else white",
        ),
    ] = None  # fmt: skip
    background_fit: Annotated[Fit, Option("How the background is fitted to the frame.", flags=("--bg-fit",), aliases=("--background-fit",))] = "cover"
