"""Files of the page: what comes in, what may be named, what is left behind."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3mvideo.errors import ConfigError, SinkError, SourceError
from p3mvideo.studio.library import NAME_BYTES, Library, safe_name
from tests.studio.conftest import Client


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    (tmp_path / "allowed").mkdir()
    library = Library(tmp_path / "studio", [tmp_path / "allowed"], largest_bytes=1000)
    yield library
    library.close()


async def _chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def _left(library: Library) -> list[Path]:
    return [path for path in library.work_folder.rglob("*") if path.is_file()]


def test_an_upload_arrives_whole(library: Library) -> None:
    file = asyncio.run(library.receive("clip.mp4", _chunks(b"ab", b"", b"cd"), announced_bytes=4))
    assert (file.path.read_bytes(), file.name, file.origin) == (b"abcd", "clip.mp4", "upload")
    assert str(file.path) not in str(file.to_json())
    library.remove(file.id)
    assert not _left(library)


@pytest.mark.parametrize(
    ("size", "announced", "told"), [(3, 4, "cut off"), (1001, None, "larger than"), (1, 2000, "larger than"), (1, 10**15, "larger than")]
)
def test_what_does_not_arrive_leaves_nothing(library: Library, size: int, announced: int | None, told: str) -> None:
    with pytest.raises(SinkError, match=told):
        asyncio.run(library.receive("clip.mp4", _chunks(bytes(size)), announced_bytes=announced))
    assert not _left(library)
    assert not library.files()


def test_a_connection_that_breaks_off_leaves_nothing(client: Client) -> None:
    before = client.ask("GET", "/api/files").body
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        head = f"PUT /api/files?name=a.mp4 HTTP/1.1\r\nHost: {client.host}\r\nOrigin: http://{client.host}\r\nCookie: {client.cookie}\r\n"
        connection.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode() + bytes(1000))
    assert client.ask("GET", "/api/files").body == before


def test_paths_lie_where_they_may(library: Library, tmp_path: Path) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside.mp4"
    (allowed / "a.mp4").write_bytes(b"a")
    outside.write_bytes(b"b")
    (allowed / "link.mp4").symlink_to(outside)
    file = library.add_path(str(allowed / "a.mp4"))
    assert library.add_path(str(allowed / ".." / "allowed" / "a.mp4")).id == file.id
    for refused in (str(outside), str(allowed / "link.mp4"), str(allowed / ".." / "outside.mp4"), "/etc/passwd", "", "~no one/x", "a\0b"):
        with pytest.raises(ConfigError):
            library.add_path(refused)
    with pytest.raises(SourceError):
        library.add_path(str(allowed / "none.mp4"))
    assert library.output_folder(str(allowed)) == allowed
    with pytest.raises(ConfigError):
        library.output_folder(str(tmp_path))
    library.remove(file.id)
    assert (allowed / "a.mp4").exists()  # it is the user's own


@given(st.text(max_size=400))
def test_any_name_becomes_one_that_stays_in_its_folder(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= NAME_BYTES
    assert Path(safe).name == safe
    assert safe not in (".", "..")
    assert not set(safe) & set('/\\<>:"|?*%\0\n')


HOLDER = """
import sys, time
from pathlib import Path
from p3mvideo.studio.library import Library
library = Library(Path(sys.argv[1]), [], largest_bytes=1000)
print("open", flush=True)
time.sleep(600)
"""


def test_what_a_killed_studio_left_is_removed_by_the_next(tmp_path: Path) -> None:
    with ExitStack() as stack:

        def hold() -> subprocess.Popen[str]:
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            return process

        first, _ = hold(), hold()
        first.kill()
        first.wait()
        assert len(list(tmp_path.iterdir())) == 2
        library = Library(tmp_path, [], largest_bytes=1000)
        assert len(list(tmp_path.iterdir())) == 2  # that of the second, which runs, and its own
        library.close()
        assert len(list(tmp_path.iterdir())) == 1
