"""`p3mvideo demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.cli.terminal.progress import make_progress
from p3mvideo.cli.terminal.results import show_result


def demo_command(
    folder: Annotated[Path, typer.Argument(help="Output folder.")] = Path("demo"),
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="Length of the clip in seconds.")] = 4.0,
) -> None:
    """Make a short clip, give it another background, hide its face, and lay out six of its frames."""
    with reporting_errors():
        from p3mvideo.app.demo import demo

        with make_progress() as display:
            made = demo(folder, seconds=seconds, listener=display)
        show_result(made.result, prose=True)
        if made.result.exit_code:
            raise typer.Exit(int(made.result.exit_code))
        print(f"contact sheet: {made.sheet}")
