"""Lets standard output and error take any text, such as file names that the terminal's encoding cannot hold."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Final

HANDLER: Final = "p3mvideo"


def print_any_text() -> None:
    """Make printing never fail for the characters. Called once, before anything is printed.

    What the encoding lacks is written as the bytes that it has in file names, so that the name of a file is always that file's own,
    byte for byte, for whoever reads it from a pipe.
    """
    codecs.register_error(HANDLER, _as_in_file_names)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def one_line(text: str) -> str:
    """Return a text without line breaks and other control characters: a file name may hold any."""
    return "".join(character if character.isprintable() or "\udc80" <= character <= "\udcff" else ascii(character)[1:-1] for character in text)


def _as_in_file_names(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    try:
        return os.fsencode(characters), error.end
    except UnicodeEncodeError:
        return characters.encode("ascii", "backslashreplace"), error.end
