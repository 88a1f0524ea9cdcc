"""A large file is written as it comes: memory stays flat."""

from __future__ import annotations

import http.client
import json
import re
import socket
from pathlib import Path

import pytest

from tests.studio.conftest import SECONDS, RunningStudio, start_studio

SIZE = 600_000_000
FLAT = 100_000_000
"""Bytes by which memory may grow meanwhile."""


def _peak_bytes(running: RunningStudio) -> int:
    """Return the most memory that a studio has used so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{running.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.slow  # a process with PyTorch, and 600 MB through a socket
def test_a_large_file_is_received_with_flat_memory(tmp_path: Path) -> None:
    running = start_studio(tmp_path)
    client = running.client()
    client.enter()
    before = _peak_bytes(running)
    with (tmp_path / "sparse.mp4").open("wb+") as file, socket.create_connection(("127.0.0.1", client.port), timeout=SECONDS) as connection:
        file.truncate(SIZE)
        head = f"PUT /api/files?name=large.mp4 HTTP/1.1\r\nHost: {client.host}\r\nOrigin: http://{client.host}\r\nCookie: {client.cookie}\r\n"
        connection.sendall(f"{head}Content-Length: {SIZE}\r\n\r\n".encode())
        connection.sendfile(file)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        received = json.loads(answer.read())
    assert (answer.status, received["bytes"]) == (201, SIZE)
    assert _peak_bytes(running) - before < FLAT
    assert client.ask("DELETE", f"/api/files/{received['id']}").status == 204
    assert running.end() == 0
    assert not running.work_folders()
