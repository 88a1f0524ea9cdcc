"""The command line: one file per command, each importing what it runs only when it runs."""

import os
import sys
import threading

import typer

from p3mvideo import __version__
from p3mvideo.cli.anonymize import anonymize_command
from p3mvideo.cli.bench import bench_command
from p3mvideo.cli.dataset import dataset_app
from p3mvideo.cli.demo import demo_command
from p3mvideo.cli.doctor import doctor_command
from p3mvideo.cli.evaluate import evaluate_command
from p3mvideo.cli.export import export_command
from p3mvideo.cli.flicker import flicker_command
from p3mvideo.cli.gpu import gpu_app
from p3mvideo.cli.process import process_command
from p3mvideo.cli.train import train_command
from p3mvideo.cli.webcam import webcam_command
from p3mvideo.cli.weights import weights_app

app = typer.Typer(
    name="p3mvideo",
    help="Real-time portrait video matting that protects faces. Nothing leaves this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
app.command("process")(process_command)
app.command("anonymize")(anonymize_command)
app.command("bench")(bench_command)
app.command("demo")(demo_command)
app.command("webcam")(webcam_command)
app.command("doctor")(doctor_command)
app.command("evaluate")(evaluate_command)
app.command("flicker")(flicker_command)
app.add_typer(weights_app)
app.command("train")(train_command)
app.command("export")(export_command)
app.add_typer(dataset_app)
app.add_typer(gpu_app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"p3mvideo {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", callback=_version, is_eager=True),
) -> None:
    """Real-time portrait video matting that protects faces. Nothing leaves this machine."""


def main() -> None:
    """Run the command line."""
    try:
        app()
    except SystemExit as end:
        if any(thread.name.startswith("p3mvideo ") for thread in threading.enumerate()):
            # A stage hangs in a foreign call and was left behind. Everything is released and said; Python's own end would wait
            # for what that stage holds, such as standard output, or crash on it.
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 1)
        raise
