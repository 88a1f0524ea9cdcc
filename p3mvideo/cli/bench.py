"""`p3mvideo bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from p3mvideo.cli.errors import reporting_errors
from p3mvideo.cli.progress import ProgressKind, make_progress


def bench_command(
    clip: Annotated[Path | None, typer.Argument(help="Clip to process. [default: a portrait filmed by a moving camera]")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Length of the made clip.")] = 10.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the made clip.")] = "1280x720",
    bg: Annotated[str | None, typer.Option(help="Background. [default: a picture]")] = None,
    model: Annotated[str, typer.Option(metavar="NAME|PATH", help="Weights of the matting network.")] = "p3mnet-mobilenetv2",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    runtime: Annotated[Literal["auto", "torch", "openvino"], typer.Option(help="What runs the network.")] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16", "f16"], typer.Option(help="What it computes in.")] = "auto",
    seq_chunk: Annotated[int, typer.Option(min=1, help="Frames per batch of the network.")] = 4,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of each part; 0 lets them choose.")] = 0,
    anonymize: Annotated[Literal["input", "output", "off"], typer.Option(help="What faces are hidden from.")] = "input",
    smoothing: Annotated[Literal["off", "ema", "adaptive"], typer.Option(help="How mattes are steadied over time.")] = "adaptive",
    lookahead: Annotated[int, typer.Option(min=0, help="Frames after each one that adaptive smoothing looks at.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    progress: Annotated[ProgressKind, typer.Option(help="How progress is shown on standard error.")] = "auto",
) -> None:
    """Measure the main job, stage by stage, beside the floor of merely decoding and encoding the same file."""
    with reporting_errors():
        from p3mvideo.app.bench import bench
        from p3mvideo.cli.process import parse_size

        with make_progress(progress, quiet=False) as display:
            display.begin("bench", None if clip else round(seconds * 30))
            result = bench(
                clip, seconds=seconds, size=parse_size(size) or (1280, 720), bg=bg, model=model, device=device, runtime=runtime,
                precision=precision, seq_chunk=seq_chunk, threads=threads, anonymize=anonymize, smoothing=smoothing, lookahead=lookahead,
                on_progress=lambda done: display.advance(done.frames_out),
            )  # fmt: skip
        print(json.dumps(result.to_json(), indent=2) if as_json else result.table())
