"""`p3mvideo export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.errors import ExitCode
from p3mvideo.options.engine import DEFAULT_MODEL


def export_command(
    model: Annotated[str, typer.Option(metavar="NAME|PATH", help="Weights of the network.")] = DEFAULT_MODEL,
    format: Annotated[Literal["onnx", "openvino", "torchscript", "safetensors"], typer.Option(help="Format to write.")] = "onnx",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Output file. [default: the model's name]")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Fixed input size. [default: any multiples of 32]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Write a network for other programs, and how it compares with PyTorch; exit code 1 if it differs."""
    with reporting_errors():
        from p3mvideo.app.export import export
        from p3mvideo.options.parsing.texts import parse_size

        result = export(model, format=format, output=output, size=None if size is None else parse_size(size), overwrite=overwrite)
        if result.parities:
            print(result.table(), file=sys.stderr)
        print(result.description, file=sys.stderr)
        print(f"{result.path} ({result.size_bytes / 2**20:.1f} MiB)")
        if not result.agrees:
            print("p3mvideo: the exported network differs from PyTorch's", file=sys.stderr)
            raise typer.Exit(int(ExitCode.SOME_FAILED))
