"""`p3mvideo process` as its user sees it: what it prints, where, and how it ends."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from p3mvideo.options.engine import DEFAULT_MODEL
from tests.cli.conftest import Run
from tests.io.media import make_video


def test_results_go_to_stdout_and_all_else_to_stderr(process: Run, clip: Path, tmp_path: Path) -> None:
    done = process(clip, "-o", tmp_path / "o.mp4", "--bg", "white", "--alpha", tmp_path / "a.mp4")
    assert done.exit_code == 0
    assert done.stdout.decode().splitlines() == [str(tmp_path / "o.mp4"), str(tmp_path / "a.mp4")]
    assert done.lines[0].startswith(f"network: {DEFAULT_MODEL} in ")
    assert "4 frames in, 4 out, 0 dropped" in done.stderr
    for stage in ("decode", "anonymize", "network", "smooth", "refine", "compose", "encode"):
        assert stage in done.stderr


def test_quiet_is_quiet(process: Run, clip: Path, tmp_path: Path) -> None:
    done = process(clip, "-o", tmp_path / "o.mp4", "--bg", "white", "--quiet")
    assert done.exit_code == 0
    assert done.stdout.decode() == f"{tmp_path / 'o.mp4'}\n"
    assert done.stderr == ""


def test_a_batch_is_told_in_few_words(process: Run, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    done = process(clip, tmp_path / "bad.mp4", "-o", tmp_path / "out", "--bg", "white", "--progress", "none")
    assert done.exit_code == 1
    assert done.stdout.decode() == f"{tmp_path / 'out' / 'clip.mp4'}\n"
    assert [line.split()[:2] for line in done.lines if line.endswith("mp4") and line[0] in "df"] == [
        ["done", "4"],
        ["failed", str(tmp_path / "bad.mp4")],
    ]
    assert "1 done, 1 failed" in done.lines
    assert "p3mvideo: 1 of 2 inputs failed:" in done.lines
    assert f"p3mvideo: error: {tmp_path / 'bad.mp4'}: cannot read {tmp_path / 'bad.mp4'}: it holds no readable media" in done.lines
    assert done.lines[-1].startswith("  hint: ")


def test_json_progress_is_json(process: Run, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    done = process(clip, tmp_path / "bad.mp4", "-o", tmp_path / "out", "--bg", "white", "--progress", "json")
    spoken = [json.loads(line) for line in done.lines if line.startswith("{")]
    assert all(set(line) == {"input", "frames_done", "frames", "frames_per_second", "state"} for line in spoken)
    assert (spoken[-1]["input"], spoken[-1]["frames_done"], spoken[-1]["frames"], spoken[-1]["state"]) == (str(clip), 4, 4, "done")
    assert next(line for line in done.lines if not line.startswith("{")).endswith("inputs failed:"), "only failures are told in words"
    whole = process(clip, "-o", tmp_path / "o.mp4", "--bg", "white", "--progress", "json")
    assert all(json.loads(line) for line in whole.lines)


def test_the_video_itself_goes_to_stdout(process: Run, clip: Path, tmp_path: Path) -> None:
    done = process(clip, "-o", "-", "--bg", "white", "--alpha", tmp_path / "a.mp4")
    assert done.exit_code == 0
    assert done.stdout.startswith(b"YUV4MPEG2 W64 H80 ")
    assert len(done.stdout) == len(done.stdout.split(b"\n", 1)[0]) + 1 + 4 * (6 + 64 * 80 * 3 // 2), "nothing else is mixed into it"
    assert str(tmp_path / "a.mp4") in done.lines
    again = process("-", "-o", tmp_path / "again.mp4", "--bg", "black", stdin=done.stdout)
    assert again.exit_code == 0
    with av.open(str(tmp_path / "again.mp4")) as container:
        assert len(list(container.decode(video=0))) == 4


def test_damaged_input_ends_with_its_own_code(process: Run, tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", frames=40, options={"g": "5"}, container_options={"movflags": "+faststart"})
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = process(tmp_path / "cut.mp4", "-o", tmp_path / "o.mp4", "--bg", "white", "--quiet", "--report", tmp_path / "r.json")
    assert done.exit_code == 4
    assert done.stderr.startswith(f"p3mvideo: {tmp_path / 'cut.mp4'} is damaged, the output lacks ")
    assert (tmp_path / "o.mp4").is_file()
    (entry,) = json.loads((tmp_path / "r.json").read_text())["inputs"]
    assert entry["damaged"][0]["end_seconds"] == pytest.approx(1.6)
    strict = process(tmp_path / "cut.mp4", "-o", tmp_path / "strict.mp4", "--bg", "white", "--strict")
    assert strict.exit_code == 4
    assert not (tmp_path / "strict.mp4").exists()


CONFIG = """
model = "p3mnet-mobilenetv2"
seconds = 3

[process]
bg = "#102030"
crf = 30
bg-fit = "tile"
strict = true
start = 0.04
progress = "none"

[bench]
size = "64x64"
"""


def test_a_configuration_file_sets_options_and_the_command_line_wins(process: Run, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG)
    done = process(clip, "-o", tmp_path / "o.mkv", "--config", tmp_path / "c.toml", "--codec", "h264")
    assert done.exit_code == 0
    with av.open(str(tmp_path / "o.mkv")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 3, "start = 0.04 leaves three frames"
    won = process(clip, "-o", tmp_path / "p.mkv", "--config", tmp_path / "c.toml", "--codec", "h264", "--start", "0.08")
    assert won.exit_code == 0
    with av.open(str(tmp_path / "p.mkv")) as container:
        assert len(list(container.decode(video=0))) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[process]\ncolour = 3", "process has no option 'colour'"),
        ("[process]\nconfig = 'x'", "process has no option 'config'"),
        ("[process]\ninputs = ['x']", "process has no option 'inputs'"),
        ("[process]\nbg = ['a', 'b']", "bg is one value"),
        ("[process]\nbg = {file = 'a'}", "bg is a value or a list of values"),
        ("process = 3", "process is a table"),
        ("[process", "is not valid TOML"),
        ("\xff", "is not valid TOML"),
        ("[process]\ncrf = 'many'", "Invalid value for '--crf'"),
        ("[process]\nbg_fit = 'crop'", "Invalid value for '--bg-fit'"),
    ],
)
def test_a_wrong_configuration_is_a_usage_error(run: Run, clip: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.toml").write_bytes(text.encode("latin-1"))
    done = run("process", clip, "-o", tmp_path / "o.mp4", "--config", tmp_path / "c.toml")
    assert done.exit_code == 2
    assert message in done.stderr.replace("\n", " ")
    assert not (tmp_path / "o.mp4").exists()


def test_a_missing_configuration_is_a_usage_error(run: Run, clip: Path, tmp_path: Path) -> None:
    done = run("process", clip, "--config", tmp_path / "none.toml")
    assert (done.exit_code, done.lines[0]) == (
        2, f"p3mvideo: error: cannot read the configuration {tmp_path / 'none.toml'}: No such file or directory"
    )  # fmt: skip


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `p3mvideo ARGS` as a process of its own, at most as long as the test goes on."""
    command = [sys.executable, "-m", "p3mvideo", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        try:
            yield running
        finally:
            running.kill()


@contextmanager
def fed(running: subprocess.Popen[bytes], frame: bytes) -> Iterator[None]:
    """Write a frame to the standard input of a process again and again."""
    enough = threading.Event()

    def feed() -> None:
        assert running.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            while not enough.wait(0.02):
                running.stdin.write(frame)
                running.stdin.flush()

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    # Frames come until the run says that some are done; then standard input stays open and silent, so that it waits for more until it is interrupted.
    arguments = ["--size", "64x48", "--rate", "25", "--pixel-format", "rgb24", "--anonymize", "off", "--smoothing", "off", "--bg", "white"]
    with started("process", "-", "-o", tmp_path / "o.mp4", "--progress", "json", *arguments) as running:
        assert running.stderr is not None
        with fed(running, bytes(64 * 48 * 3)):
            first = running.stderr.readline()
        assert b'"state": "running"' in first, "a frame is done"
        assert list(tmp_path.glob("o.mp4.*.part"))
        running.send_signal(number)
        _, stderr = running.communicate(timeout=250)
        assert running.returncode == 130, stderr
    assert b"p3mvideo: interrupted" in stderr
    assert b"Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_the_run(clip: Path) -> None:
    with started("process", clip, "-o", "-", "--bg", "white", "--anonymize", "off", "--smoothing", "off", "--quiet") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.wait(timeout=250) == 1
        stderr = running.stderr.read()
    assert stderr.startswith(b"p3mvideo: error: cannot write standard output: the reader of the pipe has gone")
    assert b"Traceback" not in stderr
    assert b"Exception ignored" not in stderr


@pytest.mark.slow
def test_a_reader_that_stalls_does_not_keep_an_interrupted_run(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", frames=20, size=(256, 256), codec="ffv1", pixel_format="bgr0")
    arguments = ["--bg", "white", "--anonymize", "off", "--smoothing", "off", "--progress", "none"]
    with started("process", source, "-o", "-", *arguments) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.read(10) == b"YUV4MPEG2 "  # and then nothing more: the pipe fills up
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=250) == 130
        stderr = running.stderr.read()
    assert b"p3mvideo: interrupted" in stderr
    assert b"  note: still busy" in stderr
    assert b"Fatal Python error" not in stderr


def test_the_version_and_the_help(run: Run) -> None:
    assert run("--version").stdout.startswith(b"p3mvideo ")
    help_text = run("process", "-h").stdout.decode()
    for option in ("--bg", "--alpha", "--foreground", "--anonymize", "--face-model", "--offline", "--lookahead", "--config", "--report"):
        assert option in help_text
    assert run("process").exit_code == 2
    assert run("process", "x", "--bg-fit", "crop").exit_code == 2
    for strength in ("-0.1", "1.1", "nan"):
        assert run("process", "x", "--smoothing-strength", strength).exit_code == 2
