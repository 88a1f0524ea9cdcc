"""`p3mvideo flicker`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.terminal.config_option import ConfigOption
from p3mvideo.cli.terminal.errors import reporting_errors, start_logging
from p3mvideo.cli.terminal.options import Without, command_options
from p3mvideo.cli.terminal.progress import ProgressKind, make_progress
from p3mvideo.options import EngineOptions, FaceOptions, SmoothingOptions


@command_options
def flicker_command(
    clip: Annotated[str, typer.Argument(metavar="IN", help="A video, or frame_%05d.png.")],
    engine: Annotated[EngineOptions, Without("seq_chunk")],
    smoothing: SmoothingOptions,
    faces: Annotated[FaceOptions, Without("mask_scale", "replace_with", "mosaic_of_face", "mosaic_size", "keep_subject")],
    matte: Annotated[str | None, typer.Option(metavar="MATTE", help="Its matte, as a video or sequence. [default: run the network]")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for plot, strip and scores.")] = Path("flicker"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier report.")] = False,
    progress: Annotated[ProgressKind, typer.Option(help="How progress is shown on standard error.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the score and errors.")] = False,
    config: ConfigOption = None,
) -> None:
    """Score how much a clip's matte flickers, without ground truth; draw the score over time and the worst moment."""
    with reporting_errors():
        from p3mvideo.app.flicker import flicker

        start_logging(quiet=quiet, debug=False)
        with make_progress(progress, quiet=quiet) as display:
            found = flicker(clip, matte=matte, output=output, overwrite=overwrite, engine=engine, smoothing=smoothing, faces=faces, listener=display)
        report = found.report
        print(f"flicker {report.score:.3f}, worst {report.scores[report.worst]:.3f} at {found.seconds[report.worst]:.2f} s")
        if not quiet:
            print(f"plot: {found.plot}\nworst moment: {found.strip}\nscores: {found.scores}")
