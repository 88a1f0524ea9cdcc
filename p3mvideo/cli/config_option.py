"""`--config FILE.toml`: options from a file. What stands on the command line wins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from p3mvideo.cli.errors import reporting_errors
from p3mvideo.config import read_config
from p3mvideo.errors import ConfigError

NOT_IN_FILES = {"config", "help"}


def _load(context: typer.Context, path: Path | None) -> Path | None:
    if path is not None:
        parameters = {
            written.removeprefix("--").replace("-", "_"): parameter
            for parameter in context.command.params
            for written in parameter.opts
            if written.startswith("--") and parameter.name not in NOT_IN_FILES
        }
        defaults: dict[str, Any] = {}
        with reporting_errors():
            for name, value in read_config(path, context.info_name or "", parameters).items():
                several = getattr(parameters[name], "multiple", False)
                if isinstance(value, list) and not several:
                    raise ConfigError(f"{path}: {name} is one value, got {value!r}", hint=f'write  {name} = "..."')
                defaults[str(parameters[name].name)] = [value] if several and not isinstance(value, list) else value
        context.default_map = {**(context.default_map or {}), **defaults}
    return path


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.toml", help="Read options from a file.", callback=_load, is_eager=True),
]
