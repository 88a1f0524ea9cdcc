"""Checkpoints: whole or not at all, whatever happens while they are written."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from p3mvideo.errors import TrainingError
from p3mvideo.training.loop.checkpoint import load_checkpoint, save_checkpoint


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as a full disk would not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_round_trip(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", {"step": 3, "weights": torch.arange(5.0), "options": {"lr": 0.1, "range": (7, 15)}})
    loaded = load_checkpoint(tmp_path / "a.pt")
    assert loaded["step"] == 3
    assert torch.equal(loaded["weights"], torch.arange(5.0))
    assert loaded["options"] == {"lr": 0.1, "range": (7, 15)}


def test_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"step": 1})
    with at_most(20_000), pytest.raises(TrainingError, match="cannot write the checkpoint") as caught:
        save_checkpoint(path, {"step": 2, "weights": torch.zeros(100_000)})
    assert "last checkpoint is intact" in caught.value.hint
    assert load_checkpoint(path)["step"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


KILLED = """
import sys, torch
from pathlib import Path
from p3mvideo.training.loop.checkpoint import save_checkpoint
step = 0
while True:
    step += 1
    save_checkpoint(Path(sys.argv[1]), {"step": step, "weights": torch.full((200_000,), float(step))})
    print(step, flush=True)
"""


@pytest.mark.slow
def test_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGKILL)
    loaded = load_checkpoint(path)
    assert (loaded["weights"] == loaded["step"]).all()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"\x80\x02}q\x00.", b"not a checkpoint" * 100])
def test_damaged_checkpoints_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"cannot read the checkpoint .*bad\.pt"):
        load_checkpoint(tmp_path / "bad.pt")


def test_a_checkpoint_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", {"weights": torch.rand(1000)})
    content = (tmp_path / "a.pt").read_bytes()
    for length in range(0, len(content), len(content) // 7):
        (tmp_path / "b.pt").write_bytes(content[:length])
        with pytest.raises(TrainingError):
            load_checkpoint(tmp_path / "b.pt")


def test_no_code_of_a_checkpoint_is_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"average": Hostile()}, tmp_path / "bad.pt")
    with pytest.raises(TrainingError):
        load_checkpoint(tmp_path / "bad.pt")
    assert not (tmp_path / "ran").exists()


def test_a_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot read"):
        load_checkpoint(tmp_path / "none.pt")
