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
from p3mvideo.cli.studio import studio_command
from p3mvideo.cli.terminal.any_text import print_any_text
from p3mvideo.cli.terminal.errors import show_error
from p3mvideo.cli.terminal.options import PanelCommand
from p3mvideo.cli.terminal.std_streams import secure_std_streams
from p3mvideo.cli.train import train_command
from p3mvideo.cli.webcam import webcam_command
from p3mvideo.cli.weights import weights_app
from p3mvideo.errors import ExitCode, SinkError

LIVE_SESSION = "p3mvideo.app.live.session"
"""Is imported by live runs only."""
app = typer.Typer(
    name="p3mvideo",
    help="Real-time portrait video matting that protects faces. Nothing leaves this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
app.command("process", cls=PanelCommand)(process_command)
app.command("anonymize", cls=PanelCommand)(anonymize_command)
app.command("bench", cls=PanelCommand)(bench_command)
app.command("demo", cls=PanelCommand)(demo_command)
app.command("webcam", cls=PanelCommand)(webcam_command)
app.command("studio", cls=PanelCommand)(studio_command)
app.command("doctor", cls=PanelCommand)(doctor_command)
app.command("evaluate", cls=PanelCommand)(evaluate_command)
app.command("flicker", cls=PanelCommand)(flicker_command)
app.add_typer(weights_app)
app.command("train", cls=PanelCommand)(train_command)
app.command("export", cls=PanelCommand)(export_command)
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
    print_any_text()
    secure_std_streams()
    code = 1
    try:
        app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    code = _flush(code)
    if LIVE_SESSION in sys.modules or any(thread.name.startswith("p3mvideo ") for thread in threading.enumerate()):
        # A thread hangs in a foreign call, or is long in one, and was left behind. Everything is released and said; Python's own end
        # would wait for what that thread holds, such as standard output, or abort when it comes back. After a live run there are also
        # threads that Python does not know, of the window, OpenVINO and MediaPipe, which now and then abort it, too.
        os._exit(code)
    sys.exit(code)


def _flush(code: int) -> int:
    """Bring what was printed out, and return the exit code; where it cannot be printed, that is an error unless there was another."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except SinkError as error:
        if code == 0:
            show_error(error)
        return code or int(error.exit_code)
    except BrokenPipeError:
        return code or int(ExitCode.SOME_FAILED)
    return code
