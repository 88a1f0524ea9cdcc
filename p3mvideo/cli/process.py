"""`p3mvideo process`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.terminal.config_option import ConfigOption
from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors, start_logging
from p3mvideo.cli.terminal.inputs import given_inputs
from p3mvideo.cli.terminal.options import Without, command_options
from p3mvideo.cli.terminal.progress import make_progress
from p3mvideo.cli.terminal.results import show_result
from p3mvideo.options import BackgroundOptions, BatchOptions, EngineOptions, FaceOptions, MatteOptions, ReadOptions, SmoothingOptions, WriteOptions


@command_options
def process_command(
    batch: BatchOptions,
    background: BackgroundOptions,
    faces: FaceOptions,
    smoothing: SmoothingOptions,
    matte: MatteOptions,
    engine: EngineOptions,
    reading: ReadOptions,
    writing: Annotated[WriteOptions, Without("audio")],
    inputs: Annotated[list[str] | None, typer.Argument(metavar="IN...", help="Videos, images, folders, globs, frame_%05d.png, or -.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="OUT", help="File, or folder for several inputs.")] = None,
    alpha: Annotated[Path | None, typer.Option(metavar="OUT", help="Also write the matte; without -o, only the matte.")] = None,
    foreground: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Also write the person's foreground colours; without -o, only these.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write a report of the run.")] = None,
    show: DisplayOptions = DisplayOptions(),
    config: ConfigOption = None,
) -> None:
    """Matte videos and images and write them with another background.

    Exit codes: 0 done, 1 some inputs failed, 2 usage, 3 missing device or weights, 4 damaged input (output partial), 5 no face found in some
    input although faces are to be hidden in the output, 130 interrupted.
    """
    with reporting_errors():
        from p3mvideo.app.process.run import process

        start_logging(show)
        with make_progress(show) as display:
            result = process(
                given_inputs(inputs, batch), output=output, alpha=alpha, foreground=foreground, background=background, engine=engine,
                faces=faces, smoothing=smoothing, matte=matte, reading=reading, writing=writing, batch=batch, report=report, listener=display,
            )  # fmt: skip
        show_result(result, prose=not show.quiet and show.progress != "json")
        if result.exit_code:
            raise typer.Exit(int(result.exit_code))
