"""`p3mvideo anonymize`."""

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
from p3mvideo.options import BatchOptions, CoverOptions, EditOptions, ReadOptions, ReleaseDetectionOptions, ReviewOptions, WriteOptions


@command_options
def anonymize_command(
    detection: ReleaseDetectionOptions,
    cover: CoverOptions,
    edits: EditOptions,
    reading: Annotated[ReadOptions, Without("size", "pixel_format")],
    writing: Annotated[WriteOptions, Without("pipe_form")],
    review: ReviewOptions,
    batch: BatchOptions,
    inputs: Annotated[list[str] | None, typer.Argument(metavar="IN...", help="Videos, images, folders, globs, or frame_%05d.png.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="OUT", help="File, or folder for several inputs.")] = None,
    threads: Annotated[int, typer.Option(min=0, max=1024, help="CPU threads of decoder and encoder each; 0 lets them choose.")] = 0,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write a report of the run.")] = None,
    show: DisplayOptions = DisplayOptions(),
    config: ConfigOption = None,
) -> None:
    """Cover all faces in videos and images, for release: two passes, an audit, and a sheet and a page to review.

    Exit codes: 0 done, 1 some inputs failed, 2 usage, 3 missing models, 4 damaged input (output partial), 5 no face found in some input, 130
    interrupted.
    """
    with reporting_errors():
        from p3mvideo.app.anonymize.run import anonymize

        start_logging(show)
        with make_progress(show) as display:
            result = anonymize(
                given_inputs(inputs, batch), output=output, detection=detection, cover=cover, edits=edits, reading=reading, writing=writing,
                review=review, batch=batch, threads=threads, report=report, listener=display,
            )  # fmt: skip
        show_result(result, prose=not show.quiet and show.progress != "json")
        if result.exit_code:
            raise typer.Exit(int(result.exit_code))
