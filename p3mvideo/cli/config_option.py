"""`--config FILE.toml`: options from a file. What stands on the command line wins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.errors import reporting_errors
from p3mvideo.config import read_config


def _load(context: typer.Context, path: Path | None) -> Path | None:
    if path is not None:
        with reporting_errors():
            options = {parameter.name for parameter in context.command.params if parameter.name} - {"config", "inputs"}
            context.default_map = {**(context.default_map or {}), **read_config(path, context.info_name or "", options)}
    return path


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.toml", help="Read options from a file.", callback=_load, is_eager=True),
]
