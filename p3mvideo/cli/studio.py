"""`p3mvideo studio`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TYPE_CHECKING

from p3mvideo.cli.terminal.config_option import ConfigOption
from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors, start_logging
from p3mvideo.cli.terminal.options import command_options
from p3mvideo.cli.terminal.progress import make_progress
from p3mvideo.errors import ConfigError
from p3mvideo.listener import Listener
from p3mvideo.options import StudioOptions

if TYPE_CHECKING:
    from p3mvideo.app.live.remote import LiveRemote


@command_options
def studio_command(options: StudioOptions, config: ConfigOption = None) -> None:
    """Open a page on this machine to replace backgrounds and cover faces: drop a clip, look, correct, save.

    Needs the extra p3mvideo[studio]. Nothing is sent anywhere; only who has the printed address can use the page.
    """
    with reporting_errors():
        start_logging()
        _studio().studio(options, listener=make_progress(DisplayOptions(progress="none")))


def open_settings(end: Callable[[], None], listener: Listener) -> AbstractContextManager[LiveRemote]:
    """Return the context in which the page serves as the settings window of a live run; see `settings_window`."""
    window: AbstractContextManager[LiveRemote] = _studio().settings_window(end, listener=listener)
    return window


def _studio() -> ModuleType:
    """Return the module that serves the page.

    Raises:
        ConfigError: The extra is not installed.
    """
    try:
        return importlib.import_module("p3mvideo.studio.run")
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn", "anyio"):
            raise
        raise ConfigError(f"the studio needs {error.name}, which is not installed", hint="pip install 'p3mvideo[studio]'") from error
