"""`p3mvideo bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.cli.terminal.options import Without, command_options
from p3mvideo.cli.terminal.progress import make_progress
from p3mvideo.options import EngineOptions, FaceOptions, SmoothingOptions
from p3mvideo.options.parsing.texts import parse_size


@command_options
def bench_command(
    engine: Annotated[EngineOptions, Without("downsample_ratio")],
    faces: Annotated[FaceOptions, Without("on_detector_failure")],
    smoothing: SmoothingOptions,
    clip: Annotated[Path | None, typer.Argument(help="Clip to process. [default: a generated clip of a portrait]")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Length of the generated clip in seconds.")] = 10.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the generated clip.")] = "1280x720",
    background: Annotated[str | None, typer.Option("--bg", help="Background. [default: an image]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    show: Annotated[DisplayOptions, Without("quiet", "debug")] = DisplayOptions(),
) -> None:
    """Measure the main job, stage by stage, beside the floor of merely decoding and encoding the same file."""
    with reporting_errors():
        from p3mvideo.app.bench import bench

        with make_progress(show) as display:
            result = bench(
                clip, seconds=seconds, size=parse_size(size), background=background, engine=engine, faces=faces, smoothing=smoothing,
                listener=display,
            )  # fmt: skip
        print(json.dumps(result.to_json(), indent=2) if as_json else result.table())
