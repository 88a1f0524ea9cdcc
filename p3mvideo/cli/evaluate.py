"""`p3mvideo evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from p3mvideo.cli.errors import reporting_errors
from p3mvideo.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from p3mvideo.ops.metrics import Metric

MODEL = ["p3mnet-mobilenetv2"]
METRICS = [
    "sad", "mse", "mad", "sad_t", "mse_t", "mad_t", "sad_fg", "sad_bg", "grad", "conn", "iou", "sad_face", "mse_face", "mad_face",
]  # fmt: skip
"""All of `p3mvideo.ops.metrics`, whose import would make every command start slowly."""


def evaluate_command(
    data: Annotated[Path, typer.Option(help="Folder of the data set.")],
    split: Annotated[str, typer.Option(help="Its split, such as P3M-500-P or val.")] = "",
    images: Annotated[str, typer.Option(help="Folder of pictures in the split. [default: the first known one]")] = "",
    model: Annotated[list[str], typer.Option(help="Weights by name or path, FILE.onnx, or closed-form, knn, learning-based, random-walk, "
                                             "large-kernel; with B= or N= before it: trained on blurred or normal pictures.")] = MODEL,
    strategy: Annotated[Literal["auto", "engine", "resize", "hybrid"], typer.Option(help="How a network looks at a picture.")] = "auto",
    protocol: Annotated[Literal["stills", "ppt", "video"], typer.Option(help="stills, blurred against normal (ppt), or clips (video).")] = "stills",
    smoothing: Annotated[Literal["off", "ema", "adaptive"], typer.Option(help="How the mattes of clips are steadied over time.")] = "off",
    smoothing_strength: Annotated[float, typer.Option(min=0, max=1, help="From 0 to 1.")] = 0.5,
    lookahead: Annotated[int, typer.Option(min=0, help="Frames after each one that adaptive smoothing looks at.")] = 3,
    rate: Annotated[float, typer.Option(help="Frames a second of the clips.")] = 30.0,
    trimap: Annotated[Literal["given", "derive"], typer.Option(help="Whether to derive missing trimaps from the mattes.")] = "given",
    metric: Annotated[list[str], typer.Option(help="Which metrics of stills.")] = METRICS,
    group: Annotated[list[str], typer.Option(help="Patterns such as hs_*; the summary has figures for each.")] = [],  # noqa: B006
    names: Annotated[list[str], typer.Option(help="Patterns; only pictures that fit one are scored.")] = [],  # noqa: B006
    limit: Annotated[int, typer.Option(min=0, help="At most so many pictures; 0 for all.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the report.")] = Path("evaluation"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a report made with other options.")] = False,
    worst: Annotated[int, typer.Option(min=0, help="How many of the worst results the sheet shows.")] = 12,
    worst_by: Annotated[str, typer.Option(help="The metric that says which are the worst.")] = "sad",
    workers: Annotated[int, typer.Option(min=0, help="Threads that read and score; 0 chooses.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    runtime: Annotated[Literal["auto", "torch", "openvino"], typer.Option(help="For the strategy engine.")] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16", "f16"], typer.Option(help="For the strategy engine.")] = "auto",
    onnx_input: Annotated[Literal["imagenet", "unit", "symmetric"], typer.Option(help="What ONNX networks expect.")] = "imagenet",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Score matting methods on portraits or clips with true mattes; exit code 1 if a picture could not be scored."""
    with reporting_errors():
        from p3mvideo.evaluate.run import evaluate

        made = evaluate(
            data, split=split, images=images, model=model, strategy=strategy, protocol=protocol, smoothing=smoothing,
            smoothing_strength=smoothing_strength, lookahead=lookahead, rate=rate, trimap=trimap,
            metric=cast("Sequence[Metric]", metric), group=group, names=names, limit=limit, output=output, overwrite=overwrite, worst=worst,
            worst_by=cast("Metric", worst_by), workers=workers, device=device, runtime=runtime, precision=precision, onnx_input=onnx_input,
            quiet=quiet,
        )  # fmt: skip
        print(made.markdown)
        print(f"report: {made.folder}")
        if made.failures:
            raise typer.Exit(int(ExitCode.SOME_FAILED))
