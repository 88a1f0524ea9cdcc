"""What a command says when it is interrupted."""

from __future__ import annotations

import pytest
import typer

from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.errors import ExitCode


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ((), "p3mvideo: interrupted; nothing half-written was left behind\n"),
        (("still busy: network",), "p3mvideo: interrupted\n  note: still busy: network\n"),
    ],
)
def test_an_interrupted_command_says_what_is_left(notes: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    interrupt = KeyboardInterrupt("SIGINT")
    for note in notes:
        interrupt.add_note(note)
    with pytest.raises(typer.Exit) as ended, reporting_errors():
        raise interrupt
    assert ended.value.exit_code == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == said
