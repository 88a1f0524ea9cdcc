"""Foreign errors become our own, chained; full disks leave nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import av.error
import numpy as np
import pytest

from p3mvideo.errors import P3MVideoError, SinkError, SourceError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.av_errors import WRITE_HINTS, reading, writing
from p3mvideo.io.video.write.sink import VideoSink


def subclasses(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def name(kind: type[BaseException]) -> str:
    return kind.__name__


FOREIGN: list[type[BaseException]] = [av.error.FFmpegError, *dict.fromkeys(subclasses(av.error.FFmpegError))]


@pytest.mark.parametrize(("guard", "wanted"), [(reading, SourceError), (writing, SinkError)])
@pytest.mark.parametrize("kind", FOREIGN, ids=name)
def test_every_error_of_pyav_is_translated_and_chained(
    kind: type[av.error.FFmpegError], guard: Callable[[Path], AbstractContextManager[None]], wanted: type[P3MVideoError]
) -> None:
    original = kind(1, "it did not work")
    with pytest.raises(wanted, match=r"a\.mp4") as caught, guard(Path("a.mp4")):
        raise original
    assert caught.value.__cause__ is original
    assert caught.value.hint


def test_pyav_has_errors_at_all() -> None:
    assert len(FOREIGN) > 20


def fail_in_python(number: int) -> None:
    raise OSError(number, os.strerror(number))


def fail_in_ffmpeg(number: int) -> None:
    av.error.err_check(-number)


@pytest.mark.parametrize("number", WRITE_HINTS)
@pytest.mark.parametrize("fail", [fail_in_python, fail_in_ffmpeg])
def test_what_can_go_wrong_on_a_disk_is_said_in_words(number: int, fail: Callable[[int], None]) -> None:
    with pytest.raises(SinkError) as caught, writing(Path("a.mp4")):
        fail(number)
    assert caught.value.message == f"cannot write a.mp4: {WRITE_HINTS[number][0]}"
    assert caught.value.hint == WRITE_HINTS[number][1]


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), reading(Path("a.mp4")), writing(Path("b.mp4")):
        raise KeyError


def write_noise(sink: VideoSink) -> None:
    """Write some megabytes that cannot be compressed."""
    generator = np.random.default_rng(0)
    for index in range(40):
        noise = generator.integers(0, 256, (240, 320, 3), dtype=np.uint8)
        sink.write(Frame.from_interleaved(noise, index * 40))
    sink.finish()


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_limit_reached_while_writing_leaves_nothing(tmp_path: Path, name: str) -> None:
    """A limit on the size of files stands in for a full disk: the operating system refuses the write in the same way."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sink = VideoSink(tmp_path / name, StreamInfo(320, 240), crf=0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(SinkError, match="larger than is allowed"):
            write_noise(sink)
        sink.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes, where the tests may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov"])
def test_a_full_disk_while_writing_leaves_nothing(small_disk: Path, name: str) -> None:
    sink = VideoSink(small_disk / name, StreamInfo(320, 240), codec="h264", crf=0)
    with pytest.raises(SinkError, match="no space is left") as caught:
        write_noise(sink)
    sink.close()
    assert "free some space" in caught.value.hint
    assert list(small_disk.iterdir()) == []
