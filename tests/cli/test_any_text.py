"""Printing never fails for the characters of a name, and the name of a file stays that file's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from p3mvideo.cli.terminal.any_text import one_line

PRINT = """\
import os, sys
from p3mvideo.cli.terminal.any_text import print_any_text
print_any_text()
name = os.fsdecode(bytes.fromhex(sys.argv[1]))
print(name)
print(f"p3mvideo: error: there is no {name} (\\U0001f600)", file=sys.stderr)
"""


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("name", [b"caf\xe9.mp4", "café.mp4".encode(), "映画.mp4".encode(), b"\xff\xfe\x80"])
def test_any_name_is_printed_byte_for_byte(encoding: str, name: bytes) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict", "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", PRINT, name.hex()]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False, env=environment)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    if encoding == "latin-1" and name == "café.mp4".encode():
        assert done.stdout == b"caf\xe9.mp4\n", "the encoding has this letter"
    else:
        assert done.stdout == name + b"\n"
    assert done.stderr.startswith(b"p3mvideo: error: there is no ")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_whole_run_with_names_that_are_not_unicode(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "p3mvideo", "process", os.fsdecode(b"no\xe9.mp4"), "a\nb.mp4", "-o", os.fsdecode(b"out\xe9")]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "P3MVIDEO_CACHE": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, env=environment)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"p3mvideo: error: no\xe9.mp4: there is no no\xe9.mp4\n" in done.stderr
    assert b"p3mvideo: error: a\\nb.mp4: there is no a\\nb.mp4\n" in done.stderr


def test_control_characters_of_a_name_are_written_out() -> None:
    assert one_line("a\nb\x1b[31m\r.mp4") == "a\\nb\\x1b[31m\\r.mp4"
    assert one_line("Zoë 映画 1.mp4") == "Zoë 映画 1.mp4"
