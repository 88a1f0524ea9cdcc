"""`p3mvideo demo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.errors import reporting_errors


def demo_command(
    folder: Annotated[Path, typer.Argument(help="Where everything is written.")] = Path("demo"),
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="Length of the clip.")] = 4.0,
) -> None:
    """Make a short clip, give it another background, hide its face, and lay out six of its frames."""
    with reporting_errors():
        from p3mvideo.app.demo import demo
        from p3mvideo.app.process import ProcessListener
        from p3mvideo.cli.process import show_result

        listener = ProcessListener(engine_ready=lambda description: print(f"network: {description}", file=sys.stderr))
        made = demo(folder, seconds=seconds, listener=listener)
        show_result(made.result, prose=True)
        if made.result.exit_code:
            raise typer.Exit(int(made.result.exit_code))
        print(f"contact sheet: {made.sheet}")
