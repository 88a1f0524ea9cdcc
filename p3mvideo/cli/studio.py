"""`p3mvideo studio`."""

from __future__ import annotations

from p3mvideo.cli.terminal.config_option import ConfigOption
from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors, start_logging
from p3mvideo.cli.terminal.options import command_options
from p3mvideo.cli.terminal.progress import make_progress
from p3mvideo.errors import ConfigError
from p3mvideo.options import StudioOptions


@command_options
def studio_command(options: StudioOptions, config: ConfigOption = None) -> None:
    """Open a page on this machine to replace backgrounds and cover faces: drop a clip, look, correct, save.

    Needs the extra p3mvideo[studio]. Nothing is sent anywhere; only who has the printed address can use the page.
    """
    with reporting_errors():
        start_logging()
        try:
            from p3mvideo.studio.run import studio
        except ModuleNotFoundError as error:
            if error.name not in ("starlette", "uvicorn", "anyio"):
                raise
            raise ConfigError(f"the studio needs {error.name}, which is not installed", hint="pip install 'p3mvideo[studio]'") from error
        studio(options, listener=make_progress(DisplayOptions(progress="none")))
