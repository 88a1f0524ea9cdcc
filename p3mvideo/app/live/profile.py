"""The settings of a live run, remembered for each camera, and which camera it was."""

from __future__ import annotations

import contextlib
import re
import tomllib
from pathlib import Path

from p3mvideo.config import config_folder, toml_lines
from p3mvideo.errors import ConfigError
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.options import LiveOptions

NO_PROFILE = "none"


def settings_folder() -> Path:
    """Return the folder in which what the user chose in live runs is kept."""
    return config_folder() / "webcam"


def profile_path(name: str) -> Path:
    """Return the file of a profile."""
    return settings_folder() / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name).strip('._') or 'camera'}.toml"


def last_camera() -> str | None:
    """Return the name of the camera that was used last; None if that is not known."""
    try:
        return _last_camera_file().read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def remember_camera(name: str) -> None:
    """Remember which camera is used. It is a convenience: where it cannot be written, the first camera stays the default."""
    with contextlib.suppress(OSError, UnicodeError):
        _last_camera_file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_last_camera_file(), f"{name}\n".encode())


def _last_camera_file() -> Path:
    return settings_folder() / "last_camera.txt"


def read_profile(path: Path) -> LiveOptions:
    """Return what a profile remembers; the usual settings if it does not exist.

    Raises:
        ConfigError: It cannot be read, or holds something else. It is not passed over: it may say what is to be hidden.
    """
    try:
        return LiveOptions.from_json(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return LiveOptions()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ConfigError) as error:
        raise ConfigError(f"the profile {path} cannot be used: {error}", hint=f"correct or delete it, or use --profile {NO_PROFILE}") from error


def write_profile(path: Path, settings: LiveOptions) -> None:
    """Remember settings. The file is complete or as it was, whatever happens.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, toml_lines(settings.to_json()).encode())
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"the settings could not be remembered in {path}: {error}", hint=f"use --profile {NO_PROFILE}") from error
