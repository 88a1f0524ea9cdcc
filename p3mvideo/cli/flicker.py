"""`p3mvideo flicker`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Literal

import typer

from p3mvideo.cli.errors import reporting_errors
from p3mvideo.cli.progress import ProgressKind, make_progress


def flicker_command(
    clip: Annotated[str, typer.Argument(metavar="IN", help="A video, or frame_%05d.png.")],
    matte: Annotated[str | None, typer.Option(metavar="MATTE", help="Its matte, as a video or sequence. [default: run the network]")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for plot, strip and scores.")] = Path("flicker"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier report.")] = False,
    model: Annotated[str, typer.Option(metavar="NAME|PATH", help="Weights of the matting network.")] = "p3mnet-mobilenetv2",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    runtime: Annotated[Literal["auto", "torch", "openvino"], typer.Option(help="What runs the network.")] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16", "f16"], typer.Option(help="What it computes in.")] = "auto",
    smoothing: Annotated[Literal["off", "ema", "adaptive"], typer.Option(help="How the network's mattes are steadied.")] = "adaptive",
    smoothing_strength: Annotated[float, typer.Option(min=0, max=1, help="From 0 to 1.")] = 0.5,
    lookahead: Annotated[int, typer.Option(min=0, help="Frames after each one that adaptive smoothing looks at.")] = 3,
    anonymize: Annotated[Literal["input", "off"], typer.Option(help="Hide faces from the network and in the strip, or nowhere.")] = "input",
    face_model: Annotated[Path | None, typer.Option(metavar="PATH", help="Face detection model, folder of both, or wheel.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never fetch a face detection model.")] = False,
    progress: Annotated[ProgressKind, typer.Option(help="How progress is shown on standard error.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the score and errors.")] = False,
) -> None:
    """Score how much a clip's matte flickers, without ground truth; draw the score over time and the worst moment."""
    with reporting_errors():
        from p3mvideo.app.flicker import flicker

        logging.basicConfig(format="p3mvideo: %(message)s", level=logging.ERROR if quiet else logging.WARNING)
        with make_progress(progress, quiet=quiet) as display:
            begun = False

            def advance(done: int, frames: int | None) -> None:
                nonlocal begun
                if not begun:
                    display.begin(clip, frames)
                    begun = True
                display.advance(done)

            found = flicker(
                clip, matte=matte, output=output, overwrite=overwrite, model=model, device=device, runtime=runtime, precision=precision,
                smoothing=smoothing, smoothing_strength=smoothing_strength, lookahead=lookahead, anonymize=anonymize, face_model=face_model,
                offline=offline, on_progress=advance,
            )  # fmt: skip
            display.end(failed=False)
        report = found.report
        print(f"flicker {report.score:.3f}, worst {report.scores[report.worst]:.3f} at {found.seconds[report.worst]:.2f} s")
        if not quiet:
            print(f"plot: {found.plot}\nworst moment: {found.strip}\nscores: {found.scores}")
