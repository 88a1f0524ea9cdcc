"""Runs that are killed at any moment and started again, with real processes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.unit import Recipe, Unit
from p3mvideo.app.batch.workers import workers as workers_module
from p3mvideo.app.batch.workers.workers import Event, LocalWorkers
from p3mvideo.errors import ExitCode
from p3mvideo.io.inputs import Input
from tests.app.batch.small_work import ENTRY, make_inputs

ROOT = Path(__file__).parents[3]
COUNT, DAMAGED, CRASHING = 12, 3, 7
KILLS = 2
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000), pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")]


def start(folder: Path, out: Path, log: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.app.batch.small_work", str(folder), str(out), f"log={log}", "seconds=0.15", *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def end_of(process: subprocess.Popen[str]) -> dict[str, str]:
    said, _ = process.communicate(timeout=2000)
    assert process.returncode == 0
    return dict(line.split(" ", 1) for line in said.splitlines())


def wait_for(log: Path, lines: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 1500
    while not log.exists() or len(log.read_text().splitlines()) < lines:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)


def outputs(out: Path) -> dict[str, bytes]:
    """Return all files beside the folder of records."""
    return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_inputs(tmp_path / "in", COUNT, special={DAMAGED: b"damaged", CRASHING: b"crash"})


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(folder: Path, tmp_path: Path) -> None:
    draw = random.Random(7)
    out, log = tmp_path / "out", tmp_path / "log"
    for number in range(KILLS):
        with start(folder, out, log, "jobs=2") as process:
            wait_for(log, 1 + 5 * number, process)
            time.sleep(draw.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
    states = end_of(start(folder, out, log, "jobs=2"))

    expected = {
        f"{number:02}.mp4": (bytes([65 + number]) * (100 + 10 * number))[::-1] for number in range(COUNT) if number not in (DAMAGED, CRASHING)
    }
    assert outputs(out) == expected
    assert "is damaged" in states[f"{DAMAGED:02}.mp4"] or states[f"{DAMAGED:02}.mp4"] == "failed before"
    assert states[f"{CRASHING:02}.mp4"] == "quarantined"
    counted = Counter(log.read_text().splitlines())
    # What two workers had in hand when they were killed is done again, and nothing else.
    assert sum(counted[f"begin {name}"] - 1 for name in expected) <= 2 * KILLS
    assert sum(counted[f"end {name}"] - 1 for name in expected) <= KILLS, "published, and killed before it was recorded"
    assert [path.name for path in (out / ".p3mvideo").iterdir() if "claim" in path.name] == []


def test_what_a_killed_share_left_is_done_by_the_other(tmp_path: Path) -> None:
    folder, out, log = make_inputs(tmp_path / "in", COUNT), tmp_path / "out", tmp_path / "log"
    with start(folder, out, log, "shard=0/2") as first:
        wait_for(log, 1, first)
        second = start(folder, out, log, "shard=1/2")
        wait_for(log, 6, first)
        first.kill()
    states = end_of(second)
    assert len(outputs(out)) == COUNT, "and nothing of what the killed one was writing"
    assert len(states) >= COUNT // 2
    counted = Counter(log.read_text().splitlines())
    assert sum(counted[f"end {number:02}.mp4"] - 1 for number in range(COUNT)) <= 1


def test_ctrl_c_ends_the_workers_and_leaves_nothing_half_written(folder: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    process = start(folder, out, log, "jobs=2")
    wait_for(log, 2, process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=500)
    assert process.returncode != 0
    assert not list(out.glob("*.part"))
    assert not list((out / ".p3mvideo").glob("*.claim"))
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False).stdout.split()
    assert not children


@pytest.mark.parametrize("together", [True, False])
def test_a_worker_that_is_stopped_with_the_run_leaves_no_death_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    """Whoever ends a service signals all its processes; a worker may be the first to go."""
    monkeypatch.setattr(workers_module, "TOGETHER_SECONDS", 10_000.0 if together else 0.0)
    folder = make_inputs(tmp_path / "in", 1, special={0: b"stopped"})
    unit = Unit(Input(folder / "00.mp4", "video", Path("00.mp4")), OutputPlan(tmp_path / "out.mp4"), key="key", replaces=True)
    workers = LocalWorkers(Recipe(ENTRY, {}), 1)
    try:
        workers.submit(unit)
        process = workers._workers[0].process
        while not any("ready" in event.values for event in workers.poll(1.0)):
            pass
        process.wait(300)
        events = [event for _ in range(10) for event in workers.poll(0.1)]
    finally:
        workers.close()
    assert process.returncode == ExitCode.INTERRUPTED
    assert any("died" in event.values for event in events) != together


def test_a_unit_that_is_taken_back_is_given_to_another_process(folder: Path, tmp_path: Path) -> None:
    unit = Unit(Input(folder / "00.mp4", "video", Path("00.mp4")), OutputPlan(tmp_path / "out.mp4"), key="key", replaces=True)
    workers = LocalWorkers(Recipe(ENTRY, {"seconds": 1.0, "log": str(tmp_path / "log")}), 1)
    try:
        workers.submit(unit)
        while not any("begin" in event.values for event in workers.poll(1.0)):
            pass
        workers.take_back(unit)
        assert workers.free() == 1
        workers.submit(unit)
        events: list[Event] = []
        while not any("result" in event.values for event in events):
            events += workers.poll(1.0)
        assert not any("died" in event.values for event in events), "the end of the first one is no one's"
    finally:
        workers.close()
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix) == ["out.mp4"]
    assert (tmp_path / "log").read_text().split("\n")[:3] == ["begin 00.mp4", "begin 00.mp4", "end 00.mp4"]
