"""Parts of outputs: each run's own, locked while it is written, and removed when their run was killed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from p3mvideo.errors import SinkError
from p3mvideo.io import part_file
from p3mvideo.io.part_file import STALE_SECONDS, PartFile

if sys.platform != "win32":
    import fcntl

ROOT = Path(__file__).parents[2]
WRITER = """
import sys, time
from pathlib import Path
from p3mvideo.io.part_file import PartFile
part = PartFile(Path(sys.argv[1]), overwrite=False, folder=sys.argv[2] == "folder", lasting=sys.argv[2] == "lasting")
(part.path / "frame_1.png" if sys.argv[2] == "folder" else part.path).write_text("half")
print("writing", flush=True)
time.sleep(3600)
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks on files that are renamed")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def killed_writer(final: Path, kind: str, while_it_writes: type[SinkError] | None = None) -> None:
    """Let another process begin an output, and kill it."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(final), kind], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "writing\n"
            if while_it_writes is not None:
                with pytest.raises(while_it_writes, match="is being written by another run"):
                    PartFile(final, overwrite=False, folder=kind == "folder", lasting=kind == "lasting")
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_running_process_is_respected_and_a_killed_one_cleaned_up_after(tmp_path: Path, kind: str) -> None:
    final = tmp_path / "out"
    killed_writer(final, kind, while_it_writes=SinkError)
    assert len(names(tmp_path)) == 1, "the killed run left its part"
    part = PartFile(final, overwrite=False, folder=kind == "folder")
    assert names(tmp_path) == [part.path.name]
    part.publish()
    assert names(tmp_path) == ["out"]


def test_a_killed_run_is_cleaned_up_after_where_only_files_open_for_writing_are_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final = tmp_path / "out"
    killed_writer(final, "file")

    def flock_of_nfs(descriptor: int, operation: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, operation)

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", flock_of_nfs)
    part = PartFile(final, overwrite=False)
    assert names(tmp_path) == [part.path.name]
    with pytest.raises(SinkError, match="is being written by another run"):
        PartFile(final, overwrite=False)


def test_what_lasts_is_never_cleaned_up(tmp_path: Path) -> None:
    final = tmp_path / "out.mp4"
    killed_writer(final, "lasting", while_it_writes=SinkError)
    (left,) = names(tmp_path)
    assert left.startswith("out.unfinished-")
    assert left.endswith(".mp4")
    PartFile(final, overwrite=False, lasting=True).publish()
    PartFile(final, overwrite=True).publish()
    assert names(tmp_path) == ["out.mp4", left]
    assert (tmp_path / left).read_text() == "half"


@pytest.mark.parametrize("lasting", [False, True])
def test_a_recording_and_another_output_of_one_name_do_not_go_together(tmp_path: Path, lasting: bool) -> None:
    first = PartFile(tmp_path / "out.mp4", overwrite=True, lasting=lasting)
    with pytest.raises(SinkError, match="is being written by another run"):
        PartFile(tmp_path / "out.mp4", overwrite=True, lasting=not lasting)
    first.publish()
    PartFile(tmp_path / "out.mp4", overwrite=True, lasting=not lasting).publish()
    assert names(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize(("age_seconds", "is_kept"), [(STALE_SECONDS - 600, True), (STALE_SECONDS + 600, False)])
def test_a_part_of_another_machine_is_removed_by_its_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_seconds: float, is_kept: bool) -> None:
    final = tmp_path / "out.bin"
    with monkeypatch.context() as patch:
        patch.setattr(part_file, "MACHINE", "0000" if part_file.MACHINE != "0000" else "0001")
        other = PartFile(final, overwrite=False)
    other.leave()
    moment = time.time() - age_seconds
    os.utime(other.path, (moment, moment))
    own = PartFile(final, overwrite=False)
    assert (other.path.name in names(tmp_path)) == is_kept
    own.publish()
    assert final.name in names(tmp_path)


def test_a_part_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final = tmp_path / "out.bin"
    other = PartFile(final, overwrite=False)
    other.leave()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    PartFile(final, overwrite=False).publish()
    assert names(tmp_path) == sorted(["out.bin", other.path.name])


def test_a_link_among_the_parts_is_not_followed(tmp_path: Path) -> None:
    final, precious = tmp_path / "out.bin", tmp_path / "precious"
    precious.write_text("precious")
    other = PartFile(final, overwrite=False)
    other.discard()
    other.path.symlink_to(precious)
    PartFile(final, overwrite=False).publish()
    assert precious.read_text() == "precious"
    assert other.path.is_symlink()


def test_of_many_that_begin_at_once_one_goes_on(tmp_path: Path) -> None:
    final = tmp_path / "out.bin"
    begun: list[PartFile] = []
    refused: list[SinkError] = []
    together = threading.Barrier(8)

    def begin() -> None:
        together.wait(60)
        try:
            begun.append(PartFile(final, overwrite=True))
        except SinkError as error:
            refused.append(error)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(begun), len(refused)) == (1, 7)


@pytest.mark.parametrize("name", ["n" * 251 + ".mp4", "ü" * 125 + ".mp4", "." + "x" * 250])
@pytest.mark.parametrize("lasting", [False, True])
def test_the_longest_names_have_parts(tmp_path: Path, name: str, lasting: bool) -> None:
    part = PartFile(tmp_path / name, overwrite=False, lasting=lasting)
    part.path.write_text("whole")
    with pytest.raises(SinkError, match="another run"):
        PartFile(tmp_path / name, overwrite=False, lasting=lasting)
    part.publish()
    assert names(tmp_path) == [name]


def test_a_part_that_was_replaced_is_not_published(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "out.bin", overwrite=True)
    part.path.unlink()
    part.path.write_text("somebody else's")
    with pytest.raises(SinkError, match="was removed or replaced"):
        part.publish()
    assert not (tmp_path / "out.bin").exists()


def test_a_link_to_a_folder_of_images_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/frame_1.png").write_text("precious")
    (tmp_path / "frames").symlink_to(tmp_path / "own")
    with pytest.raises(SinkError, match="it is a link"):
        PartFile(tmp_path / "frames", overwrite=True, folder=True)
    assert (tmp_path / "own/frame_1.png").read_text() == "precious"


def test_a_folder_with_other_things_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames/notes.txt").write_text("precious")
    with pytest.raises(SinkError, match=r"holds notes\.txt"):
        PartFile(tmp_path / "frames", overwrite=True, folder=True)


def test_a_folder_that_cannot_be_listed_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listdir = os.listdir

    def refuse(path: Path) -> list[str]:
        if Path(path) == tmp_path:
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    part = PartFile(tmp_path / "out.bin", overwrite=False)
    part.publish()
    assert (tmp_path / "out.bin").is_file()
