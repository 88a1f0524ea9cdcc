"""Commands whose standard streams are closed or full: one line, the right exit code, whole files."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from p3mvideo.io.video.read.source import VideoSource
from tests.io.media import make_video

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full"),
]
PROCESS = "process in.mkv -o out.mkv --bg white --anonymize off --smoothing off --model p3mnet-mobilenetv2 --overwrite"


@pytest.fixture
def folder(tmp_path: Path, own_cache: Path) -> Path:
    make_video(tmp_path / "in.mkv", frames=2)
    return tmp_path


def shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run `p3mvideo LINE` in a shell, with its redirections."""
    command = f"{shlex.quote(sys.executable)} -m p3mvideo {line}"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, env=environment, check=False)


def frames_in(path: Path) -> int:
    with VideoSource(path) as source:
        return sum(1 for _ in source)


@pytest.mark.parametrize(
    ("redirection", "exit_code", "said"),
    [
        (">&-", 0, ""),
        ("2>/dev/full", 0, None),
        ("<&- >&- 2>&-", 0, None),
        (">/dev/full", 1, "p3mvideo: error: cannot write standard output: no space left on device"),
    ],
)
def test_a_run_is_whole_wherever_its_words_go(folder: Path, redirection: str, exit_code: int, said: str | None) -> None:
    done = shell(folder, f"{PROCESS} --progress json --quiet {redirection}" if said is not None else f"{PROCESS} --progress json {redirection}")
    assert done.returncode == exit_code, done.stderr
    assert frames_in(folder / "out.mkv") == 2
    if said is not None:
        errors = done.stderr.splitlines()
        assert errors[:1] == ([said] if said else [])
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["in.mkv", "out.mkv"]


@pytest.mark.parametrize(
    ("line", "exit_code", "said"),
    [
        ("process - --bg white --anonymize off -o out.mkv <&-", 1, "cannot read standard input: it is closed"),
        ("process in.mkv -o - --bg white --anonymize off --smoothing off --quiet >&-", 1, "cannot write standard output: it is closed"),
        ("process in.mkv -o - --bg white --anonymize off --smoothing off --quiet >/dev/full", 1, "cannot write standard output: no space is left"),
        ("weights list >/dev/full", 1, "cannot write standard output: no space left on device"),
        ("--version >/dev/full", 1, "cannot write standard output: no space left on device"),
        ("process missing.mp4 >/dev/full", 1, "there is no missing.mp4"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_line(folder: Path, line: str, exit_code: int, said: str) -> None:
    done = shell(folder, line)
    assert done.returncode == exit_code, done.stderr
    errors = [text for text in done.stderr.splitlines() if text.startswith("p3mvideo: error: ")]
    assert len(errors) == 1, done.stderr
    assert said in errors[0]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert [path.name for path in folder.iterdir()] == ["in.mkv"]


def test_no_exit_code_is_lost_with_standard_error(folder: Path) -> None:
    assert shell(folder, "process missing.mp4 2>&-").returncode == 1
    assert shell(folder, "process --no-such-option 2>/dev/full").returncode == 2
