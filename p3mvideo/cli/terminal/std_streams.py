"""Standard input, output and error, however the shell handed them over: closed, full, or with a reader that has gone."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator

from p3mvideo.errors import SinkError


def secure_std_streams() -> None:
    """Make the three standard streams safe to use. Called once, before anything is opened.

    A descriptor that is closed is opened to nothing: the next file that is opened would take its place, and what libraries print would
    land in that file. Python's own stream stays None, so that who needs it can say so. Writing to standard error never fails; where
    writing to standard output does, that is a `SinkError`, once.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name, kind in (("stdout", _Stdout), ("stderr", _Stderr)):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            encoding, errors, is_terminal = stream.encoding, stream.errors, stream.isatty()
            line_buffering = is_terminal or name == "stderr"
            setattr(sys, name, kind(stream.detach(), encoding=encoding, errors=errors, line_buffering=line_buffering))


class _Stdout(io.TextIOWrapper):
    """Standard output, whose failures are told as any other output's."""

    def write(self, text: str) -> int:
        with self._failing_once():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with self._failing_once():
            super().flush()

    @contextlib.contextmanager
    def _failing_once(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What waits to be written, and what else is printed, goes nowhere: the end of Python would stumble over it again.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.close(nowhere)
            if isinstance(error, BrokenPipeError):
                raise
            reason = (error.strerror or str(error)).lower()
            raise SinkError(f"cannot write standard output: {reason}", hint="check where it is redirected to") from error


class _Stderr(io.TextIOWrapper):
    """Standard error: a run does not end because a message cannot be shown."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()
