"""`p3mvideo doctor`."""

from __future__ import annotations

import json
import logging
import sys
from typing import Annotated

import typer

from p3mvideo.cli.terminal.errors import reporting_errors


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check cameras, virtual cameras, networks, accelerators, encoders, disk and screen, and say how to fix what does not work.

    Exit code 3 if no video can be processed.
    """
    with reporting_errors():
        from p3mvideo.app.doctor.run import doctor

        logging.basicConfig(format="p3mvideo: %(message)s", level=logging.ERROR)
        on_terminal = sys.stderr.isatty() and not as_json

        def look(area: str) -> None:
            if on_terminal:
                print(f"\r\033[Klooking at: {area}", end="", file=sys.stderr, flush=True)

        diagnosis = doctor(listener=look)
        if on_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        print(json.dumps(diagnosis.to_json(), indent=2) if as_json else diagnosis.text())
        if diagnosis.exit_code:
            raise typer.Exit(int(diagnosis.exit_code))
