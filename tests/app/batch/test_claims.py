"""Claims: one holder at a time, and not for longer than it lives."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from p3mvideo.app.batch.claims import Claims

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys, time
from pathlib import Path
from p3mvideo.app.batch.claims import Claims
with Claims(60) as claims:
    print(claims.take(Path(sys.argv[1])), flush=True)
    time.sleep(3600)
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no locks there: claims end by their expiry only")


def test_a_claim_has_one_holder_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "a.claim"
    with Claims(60) as mine, Claims(60) as other:
        assert mine.take(path)
        assert not other.take(path)
        mine.release(path)
        assert not path.exists()
        assert other.take(path)
    assert not path.exists(), "released at the end"


def test_the_claim_of_a_killed_process_is_taken_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.claim"
    with Claims(3600) as mine, subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert not mine.take(path)
        assert list(mine.take_dead([path])) == []
        process.kill()
        process.wait()
        assert list(mine.take_dead([path])) == [path]


def test_the_claim_of_another_machine_ends_without_signs_of_life(tmp_path: Path) -> None:
    path = tmp_path / "a.claim"
    path.write_text("elsewhere")
    with Claims(0.3) as mine:
        assert not mine.take(path), "whether it shows life is not known yet"
        time.sleep(0.2)
        os.utime(path)
        time.sleep(0.2)
        assert not mine.take(path), "it has shown life"
        time.sleep(0.4)
        assert mine.take(path)


def test_claims_of_other_machines_are_watched_until_it_is_known_who_is_dead(tmp_path: Path) -> None:
    living, dead, gone = (tmp_path / f"{name}.claim" for name in ("living", "dead", "gone"))
    living.write_text("elsewhere")
    dead.write_text("elsewhere too")
    over = threading.Event()

    def show_life() -> None:
        while not over.wait(0.05):
            os.utime(living)

    thread = threading.Thread(target=show_life)
    thread.start()
    with Claims(2.0) as mine:
        assert list(mine.take_dead([living, dead, gone])) == [dead]
    over.set()
    thread.join()
    assert living.read_text() == "elsewhere"


def test_a_holder_shows_life(tmp_path: Path) -> None:
    path = tmp_path / "a.claim"
    with Claims(0.2) as mine:
        assert mine.take(path)
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 60
        while path.stat().st_mtime == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
