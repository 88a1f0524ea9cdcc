"""How errors reach the terminal: one line, a hint, an exit code."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer

from p3mvideo.cli.terminal.any_text import one_line
from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.errors import ExitCode, P3MVideoError


def show_error(error: P3MVideoError, subject: str = "") -> None:
    """Print an error, its hint and what happened after it to standard error."""
    print(f"p3mvideo: error: {one_line(subject + error.message)}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)
    _show_notes(error.later_notes)


def start_logging(show: DisplayOptions = DisplayOptions()) -> None:
    """Let what the program logs appear on standard error: warnings, errors only if quiet, and if asked for the tracebacks of what is unexpected."""
    logging.basicConfig(format="p3mvideo: %(message)s", level=logging.ERROR if show.quiet else logging.WARNING)
    if show.debug:
        logging.getLogger("p3mvideo").setLevel(logging.DEBUG)


@contextmanager
def reporting_errors() -> Iterator[None]:
    """Turn the program's errors into their line and exit code. Everything unexpected is a bug and keeps its traceback."""
    try:
        with _signals_interrupt():
            yield
    except P3MVideoError as error:
        show_error(error)
        raise typer.Exit(int(error.exit_code)) from None
    except KeyboardInterrupt as interrupt:
        # What is left, where anything is, stands in the notes.
        nothing_left = "" if hasattr(interrupt, "__notes__") else "; nothing half-written was left behind"
        print(f"p3mvideo: interrupted{nothing_left}", file=sys.stderr)
        _show_notes(getattr(interrupt, "__notes__", ()))
        raise typer.Exit(int(ExitCode.INTERRUPTED)) from None
    except BrokenPipeError:
        # Who read standard output has seen enough.
        raise typer.Exit(int(ExitCode.SOME_FAILED)) from None


def _show_notes(notes: Iterable[str]) -> None:
    for note in notes:
        print(f"  note: {note}", file=sys.stderr)


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP of a closed terminal, clean up as Ctrl-C does, where the pipeline, which listens for all, is not running.

    What ignores them, such as nohup, is left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    replaced = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)
