"""Files of others come onto this machine only when the user says so, whole, and checked."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from p3mvideo.errors import ConfigError, P3MVideoError, SourceError
from p3mvideo.upstream.obtain import obtain
from p3mvideo.upstream.works import CHECKPOINTS, DATASETS, Work

CONTENT = bytes(range(256)) * 4096
WORK = Work("A work", "https://example.org/work", "ask", ("work.zip",))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `content`, or the part that is asked for, and closes the connection after `limit` bytes of it."""

    content = CONTENT
    tag = '"1"'
    kind = "application/zip"
    limit: int | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/files/work.zip?token=1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        part = self.headers.get("Range", "")
        self.server.asked.append(part)
        first = int(part.removeprefix("bytes=").rstrip("-")) if part and self.headers.get("If-Range") == self.server.tag else 0
        body = self.server.content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", self.server.kind)
        self.send_header("ETag", self.server.tag)
        self.end_headers()
        self.wfile.write(body if self.server.limit is None else body[: self.server.limit])

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "downloads"


def test_a_download_is_checked_and_kept(server: Server, cache: Path) -> None:
    work = replace(WORK, address=server.address, size=len(CONTENT), sha256=SHA256)
    for _ in range(2):
        assert obtain(work, accept_terms=True).read_bytes() == CONTENT
    assert server.asked == [""], "what is there is not fetched again"
    assert [path.name for path in cache.rglob("*.*")] == ["work.zip"]


def test_addresses_that_differ_in_their_query_are_different_files(server: Server) -> None:
    first = obtain(WORK, server.address, accept_terms=True)
    server.content = CONTENT[::-1]
    second = obtain(WORK, server.address.replace("token=1", "token=2"), accept_terms=True)
    assert (first.read_bytes(), second.read_bytes()) == (CONTENT, CONTENT[::-1])


def test_an_interrupted_download_goes_on(server: Server, cache: Path) -> None:
    server.limit = 300_000
    with pytest.raises(SourceError, match="300000 of 1048576 bytes") as caught:
        obtain(WORK, server.address, sha256=SHA256, accept_terms=True)
    assert "goes on where it stopped" in caught.value.hint
    server.limit = None
    assert obtain(WORK, server.address, sha256=SHA256.upper(), accept_terms=True).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=300000-"]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(server: Server) -> None:
    server.limit = 300_000
    with pytest.raises(SourceError):
        obtain(WORK, server.address, accept_terms=True)
    server.limit, server.tag, server.content = None, '"2"', CONTENT[::-1]
    assert obtain(WORK, server.address, accept_terms=True).read_bytes() == CONTENT[::-1]


def test_what_is_not_the_file_is_not_kept(server: Server, cache: Path) -> None:
    for changes, message in (({"sha256": "0" * 64}, "SHA-256"), ({"size": 7}, "has 1048576 bytes, expected 7")):
        with pytest.raises(SourceError, match=message):
            obtain(replace(WORK, address=server.address, **changes), accept_terms=True)
        assert not list(cache.rglob("work.zip"))
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(SourceError, match="is a page, not a file"):
        obtain(WORK, server.address, accept_terms=True)


@pytest.mark.parametrize("address", ["ftp://example.org/x", "file:///etc/passwd"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="not an http or https address"):
        obtain(WORK, address, accept_terms=True)


def test_a_server_that_is_not_there(server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(SourceError, match="cannot download"):
        obtain(WORK, server.address, accept_terms=True)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("work", [*DATASETS.values(), *CHECKPOINTS.values()], ids=[*DATASETS, *CHECKPOINTS])
def test_without_an_address_nothing_is_contacted(work: Work, tmp_path: Path) -> None:
    assert work.page in work.notice()
    assert work.terms in work.notice()
    with pytest.raises(ConfigError, match="were not accepted"):
        obtain(work, accept_terms=False)
    with pytest.raises(P3MVideoError) as caught:
        obtain(work, accept_terms=True)
    assert work.page in caught.value.hint
    (tmp_path / "mine").write_bytes(b"fetched by hand")
    assert obtain(work, str(tmp_path / "mine"), accept_terms=True) == tmp_path / "mine"
    with pytest.raises(SourceError, match="SHA-256"):
        obtain(work, str(tmp_path / "mine"), sha256=SHA256, accept_terms=True)
