"""`--config FILE.toml`: options from a file. What stands on the command line wins."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Annotated, Any

import typer

from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.cli.terminal.options import aliases_of
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
        for former, flag in aliases_of(context.command.callback).items():
            parameters[former.removeprefix("--").replace("-", "_")] = parameters[flag.removeprefix("--").replace("-", "_")]
        defaults: dict[str, Any] = {}
        with reporting_errors():
            for name, value in read_config(path, context.info_name or "", parameters).items():
                defaults[str(parameters[name].name)] = _as_written(path, name, value, parameters[name])
        context.default_map = {**(context.default_map or {}), **defaults}
    return path


def _as_written(path: Path, name: str, value: Any, parameter: Any) -> Any:
    """Return a value as it would be written on the command line, which is then read and checked as from there.

    Raises:
        ConfigError: It is a list, or no truth value, where it must be.
    """
    if getattr(parameter, "multiple", False):
        return [str(part) for part in (value if isinstance(value, list) else [value])]
    if isinstance(value, list):
        raise ConfigError(f"{path}: {name} is one value, got {reprlib.repr(value)}", hint=f'write  {name} = "..."')
    if getattr(parameter, "is_flag", False):
        if not isinstance(value, bool):
            raise ConfigError(f"{path}: {name} is true or false, got {reprlib.repr(value)}", hint=f"write  {name} = true")
        return value
    return str(value)


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.toml", help="Read options from a file.", callback=_load, is_eager=True),
]
