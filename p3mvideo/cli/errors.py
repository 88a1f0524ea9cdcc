"""How errors reach the terminal: one line, a hint, an exit code."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from p3mvideo.cli.any_text import one_line
from p3mvideo.errors import ExitCode, P3MVideoError


def show_error(error: P3MVideoError, subject: str = "") -> None:
    """Print an error, its hint and what happened after it to standard error."""
    print(f"p3mvideo: error: {one_line(subject + error.message)}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)
    _show_notes(error)


@contextmanager
def reporting_errors() -> Iterator[None]:
    """Turn the program's errors into their line and exit code. Everything unexpected is a bug and keeps its traceback."""
    try:
        with _sigterm_interrupts():
            yield
    except P3MVideoError as error:
        show_error(error)
        raise typer.Exit(int(error.exit_code)) from None
    except KeyboardInterrupt as interrupt:
        print("p3mvideo: interrupted; nothing half-written was left behind", file=sys.stderr)
        _show_notes(interrupt)
        raise typer.Exit(int(ExitCode.INTERRUPTED)) from None
    except BrokenPipeError:
        # Who read standard output has seen enough; Python must not try to flush it again.
        sys.stdout = None
        raise typer.Exit(int(ExitCode.SOME_FAILED)) from None


def _show_notes(error: BaseException) -> None:
    for note in getattr(error, "__notes__", ()):
        print(f"  note: {note}", file=sys.stderr)


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM clean up as Ctrl-C does, where the pipeline, which listens for both, is not running."""
    former = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or former != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
