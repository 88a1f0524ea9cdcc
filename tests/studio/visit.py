"""Starts a studio, lets it work on a clip, and ends it, for who watches from outside: `visit(clip, cache)`."""

from __future__ import annotations

from pathlib import Path

from tests.studio.conftest import start_studio


def visit(clip: Path, cache: Path) -> None:
    """Do what a person would do, with faces looked for; the studio ends as if by Ctrl-C."""
    running = start_studio(cache)
    client = running.client()
    client.enter()
    assert client.ask("GET", "/").status == 200
    file = client.upload(clip)
    values = {"kind": "process", "file": file["id"], "seconds": 0, "width": 100, "view": "result", "options": {}}
    assert client.post("/api/preview", values).status == 200
    job = client.post("/api/jobs", {"kind": "process", "file": file["id"], "options": {}}).json()
    assert client.ended(job["id"])["state"] == "done"
    assert running.end() == 0
