"""What a command prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from p3mvideo.options.option import Option, Options

ProgressKind = Literal["auto", "plain", "json", "none"]


@dataclass(frozen=True, kw_only=True)
class DisplayOptions(Options):
    """How much a command prints, and how it shows progress."""

    progress: Annotated[ProgressKind, Option("How progress is shown on standard error.")] = "auto"
    quiet: Annotated[bool, Option("Print nothing but results and errors.", flags=("--quiet", "-q"))] = False
    debug: Annotated[bool, Option("Print the traceback of an unexpected error.")] = False
