"""`p3mvideo evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.cli.terminal.options import Without, command_options
from p3mvideo.cli.terminal.progress import make_progress
from p3mvideo.errors import ExitCode
from p3mvideo.options import EngineOptions, EvaluationOptions, SmoothingOptions
from p3mvideo.options.engine import DEFAULT_MODEL


@command_options
def evaluate_command(
    data: Annotated[Path, typer.Option(help="Folder of the data set.")],
    options: EvaluationOptions,
    engine: Annotated[EngineOptions, Without("model", "seq_chunk", "threads")],
    model: Annotated[
        list[str],
        typer.Option(
            help="Weights by name or path, a published FILE.pth, FILE.onnx, an exported .xml or .pt, a trimap-based network as dim:, gca:, "
            "indexnet: or fba:FILE.onnx, or closed-form, knn, learning-based, random-walk, large-kernel; prefix B= or N= says whether it was trained "
            "on blurred or normal images."
        ),
    ] = [DEFAULT_MODEL],  # noqa: B006
    smoothing: SmoothingOptions = SmoothingOptions(smoothing="off"),
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the report.")] = Path("evaluation"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a report made with other options.")] = False,
    show: Annotated[DisplayOptions, Without("debug")] = DisplayOptions(),
) -> None:
    """Score matting methods on portraits or clips with true mattes; exit code 1 if an image could not be scored."""
    with reporting_errors():
        from p3mvideo.evaluation.run import evaluate

        with make_progress(show, unit="images") as display:
            made = evaluate(
                data, model=model, output=output, overwrite=overwrite, options=options, engine=engine, smoothing=smoothing, listener=display
            )
        print(made.markdown)
        print(f"report: {made.folder}")
        if made.failures:
            raise typer.Exit(int(ExitCode.SOME_FAILED))
