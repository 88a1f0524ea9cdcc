"""`p3mvideo flicker`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.terminal.config_option import ConfigOption
from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors, start_logging
from p3mvideo.cli.terminal.options import Without, command_options
from p3mvideo.cli.terminal.progress import make_progress
from p3mvideo.options import EngineOptions, FaceOptions, SmoothingOptions


@command_options
def flicker_command(
    clip: Annotated[str, typer.Argument(metavar="IN", help="A video, or frame_%05d.png.")],
    engine: Annotated[EngineOptions, Without("seq_chunk")],
    smoothing: SmoothingOptions,
    faces: Annotated[FaceOptions, Without("mask_scale", "replace_with", "mosaic_of_face", "mosaic_size", "keep_subject")],
    matte: Annotated[
        str | None, typer.Option(metavar="MATTE", help="The clip's matte, as a video or image sequence. [default: run the network]")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for plot, strip and scores.")] = Path("flicker"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier report.")] = False,
    show: Annotated[DisplayOptions, Without("debug")] = DisplayOptions(),
    config: ConfigOption = None,
) -> None:
    """Score how much a clip's matte flickers, without ground truth; draw the score over time and the worst moment."""
    with reporting_errors():
        from p3mvideo.app.flicker import flicker

        start_logging(show)
        with make_progress(show) as display:
            found = flicker(clip, matte=matte, output=output, overwrite=overwrite, engine=engine, smoothing=smoothing, faces=faces, listener=display)
        report = found.report
        print(f"flicker {report.score:.3f}, worst {report.scores[report.worst]:.3f} at {found.seconds[report.worst]:.2f} s")
        if not show.quiet:
            print(f"plot: {found.plot}\nworst moment: {found.strip}\nscores: {found.scores}")
