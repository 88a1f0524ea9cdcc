"""Where the studio listens, and which files it may touch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from p3mvideo.options.option import Option, Options


@dataclass(frozen=True, kw_only=True)
class StudioOptions(Options):
    """Address, folders and limits of the studio."""

    panel: ClassVar[str | None] = "Studio"

    host: Annotated[str, Option("Address to listen on; any other than this one lets other machines in.")] = "127.0.0.1"
    port: Annotated[int, Option("Port to listen on; 0 takes a free one.", minimum=0, maximum=65_535)] = 0
    open_browser: Annotated[bool, Option("Open the page in the default browser.", flags=("--browser",))] = True
    allow: Annotated[
        tuple[Path, ...],
        Option("Folder whose files may be named by path, besides your home folder and the current one; repeat for several.", metavar="FOLDER"),
    ] = ()
    largest_upload_gb: Annotated[float, Option("Largest file that can be dropped on the page, in 10^9 bytes.", above=0, maximum=1e6)] = 100.0
