"""`p3mvideo train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.terminal.config_option import ConfigOption
from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors, start_logging
from p3mvideo.cli.terminal.options import Without, command_options
from p3mvideo.cli.terminal.progress import make_progress
from p3mvideo.options import TrainingOptions


@command_options
def train_command(
    data: Annotated[Path, typer.Option(help="Data set in P3M-10k's layout, or one split of it.")],
    options: TrainingOptions,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for checkpoints and log.")] = Path("run"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint if there is one.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Run one step and one validation, then stop; nothing is kept.")] = False,
    show: Annotated[DisplayOptions, Without("debug")] = DisplayOptions(),
    config: ConfigOption = None,
) -> None:
    """Train a P3M-Net on portraits whose faces are obfuscated; on several devices by `torchrun --nproc-per-node N -m p3mvideo train ...`."""
    with reporting_errors():
        from p3mvideo.training.run import train

        start_logging(show)
        with make_progress(show, unit="steps") as display:
            try:
                result = train(data, output=output, options=options, resume=resume, dry_run=dry_run, listener=display)
            except KeyboardInterrupt as interrupt:
                interrupt.add_note(f"--resume goes on from the last checkpoint in {output}")
                raise
        if result.checkpoint is not None:
            print(result.checkpoint)
