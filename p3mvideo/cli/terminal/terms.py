"""Shows a work's terms and asks whether the user accepts them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from p3mvideo.errors import ConfigError
from p3mvideo.upstream.works import Work

From = Annotated[
    str, typer.Option("--from", metavar="FILE|ADDRESS", help="File that you downloaded from the page, or an address to download it from.")
]
Sha256 = Annotated[str, typer.Option(metavar="HEX", help="SHA-256 hash that the file must have, if the authors published none.")]
AcceptTerms = Annotated[bool, typer.Option("--accept-terms", help="Accept the terms without asking.")]


def ask_for_consent(work: Work, *, accepted: bool) -> bool:
    """Print what the work is and under which terms it may be used, and return whether the user accepts them.

    Raises:
        ConfigError: There is no one to ask.
    """
    print(work.notice(), file=sys.stderr)
    if accepted:
        return True
    print("Have you read the terms, and do you accept them? [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise ConfigError("there is no one to ask whether the terms are accepted", hint="read them, then add --accept-terms")
    return answer.strip().lower() in ("y", "yes")
