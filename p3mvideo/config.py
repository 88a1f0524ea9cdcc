"""Settings that come from outside a command line: configuration files and the cache folder."""

from __future__ import annotations

import difflib
import json
import os
import reprlib
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from p3mvideo.errors import ConfigError

MAX_CONFIG_BYTES: Final = 1 << 18
LONGEST_NAME: Final = 40
"""Of an option, in characters: more are not compared with it."""


def cache_folder() -> Path:
    """Return the user's cache folder of p3mvideo. The environment variable P3MVIDEO_CACHE overrides it."""
    override = os.environ.get("P3MVIDEO_CACHE")
    if override:
        return Path(override)
    try:
        import platformdirs
    except ModuleNotFoundError:  # where only training is installed
        return Path.home() / ".cache" / "p3mvideo"
    return platformdirs.user_cache_path("p3mvideo", appauthor=False)


def config_folder() -> Path:
    """Return the folder in which what the user chose is kept. The environment variable P3MVIDEO_CONFIG moves it."""
    folder = os.environ.get("P3MVIDEO_CONFIG")
    if folder:
        return Path(folder)
    import platformdirs

    return platformdirs.user_config_path("p3mvideo", appauthor=False)


def toml_lines(values: Mapping[str, Any]) -> str:
    """Return plain values as lines of TOML: texts, numbers, truth values and lists of these."""
    # JSON's are TOML's too, but for one character.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n".replace("\x7f", "\\u007f") for name, value in values.items())


def read_config(path: Path, command: str, options: Collection[str]) -> dict[str, Any]:
    """Return the options that a TOML file sets for a command.

    Options stand in a table named after the command, `[process]`, or at the top for every command that has them. Their names are
    those of the command line without the leading dashes; `-` and `_` are the same.

    Args:
        path: The file.
        command: Name of the command.
        options: Names of the command's options, with underscores.

    Raises:
        ConfigError: The file cannot be read, its table for this command names an option that the command does not have, or a value
            is neither text, number, time, truth value nor a list of these.
    """
    content = read_toml(path)
    table = content.get(command, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: {command} is a table, got {reprlib.repr(table)}", hint=f"write [{command}] on a line of its own")
    own = {name.replace("-", "_"): value for name, value in table.items()}
    unknown = sorted(set(own) - set(options))
    if unknown:
        similar = difflib.get_close_matches(unknown[0][:LONGEST_NAME], options)
        meant = f"is {' or '.join(name.replace('_', '-') for name in similar)} meant? " if similar else ""
        raise ConfigError(f"{path}: {command} has no option {reprlib.repr(unknown[0])}", hint=f"{meant}p3mvideo {command} --help lists all")
    common = {name.replace("-", "_"): value for name, value in content.items() if not isinstance(value, dict)}
    chosen = {name: value for name, value in common.items() if name in options} | own
    for name, value in chosen.items():
        parts = value if isinstance(value, list) else [value]
        if any(isinstance(part, list | dict) for part in parts):
            raise ConfigError(f"{path}: {name} is a value or a list of values, got {reprlib.repr(value)}", hint=f'write  {name} = "..."')
        if any(isinstance(part, str) and "\0" in part for part in parts):
            raise ConfigError(f"{path}: {name} holds a zero character", hint="remove it")
    return chosen


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file of at most 256 KiB holds.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}", hint="check --config") from error
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path} is not a configuration: it has more than {MAX_CONFIG_BYTES} bytes", hint="check --config")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ConfigError(f"{path} is not a configuration: it is nested too deeply", hint='a line looks like  bg = "beach.jpg"') from error
    except ValueError as error:  # of TOML, of UTF-8, and of numbers with thousands of digits
        raise ConfigError(f"{path} is not valid TOML: {error}", hint='a line looks like  bg = "beach.jpg"') from error
