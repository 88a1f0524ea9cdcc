"""How errors reach the terminal: one line, a hint, an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from p3mvideo.errors import ExitCode, P3MVideoError


def show_error(error: P3MVideoError, subject: str = "") -> None:
    """Print an error and its hint to standard error."""
    print(f"p3mvideo: error: {subject}{error.message}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)


@contextmanager
def reporting_errors() -> Iterator[None]:
    """Turn the program's errors into their line and exit code. Everything unexpected is a bug and keeps its traceback."""
    try:
        yield
    except P3MVideoError as error:
        show_error(error)
        raise typer.Exit(int(error.exit_code)) from None
    except KeyboardInterrupt:
        print("p3mvideo: interrupted; nothing half-written was left behind", file=sys.stderr)
        raise typer.Exit(int(ExitCode.INTERRUPTED)) from None
    except BrokenPipeError:
        # Who read standard output has seen enough; Python must not try to flush it again.
        sys.stdout = None
        raise typer.Exit(int(ExitCode.SOME_FAILED)) from None
