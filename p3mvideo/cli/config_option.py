"""`--config FILE.toml`: options from a file. What stands on the command line wins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.errors import reporting_errors
from p3mvideo.config import read_config

NOT_IN_FILES = {"config", "help"}


def _load(context: typer.Context, path: Path | None) -> Path | None:
    if path is not None:
        names = {
            written.removeprefix("--").replace("-", "_"): parameter.name
            for parameter in context.command.params
            for written in parameter.opts
            if written.startswith("--") and parameter.name not in NOT_IN_FILES
        }
        with reporting_errors():
            options = read_config(path, context.info_name or "", names)
        context.default_map = {**(context.default_map or {}), **{str(names[name]): value for name, value in options.items()}}
    return path


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.toml", help="Read options from a file.", callback=_load, is_eager=True),
]
