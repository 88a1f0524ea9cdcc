"""How many cores the program believes that it may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from p3mvideo import cores


@pytest.mark.parametrize(
    ("machine", "quota", "usable"),
    [
        (8, None, 8),
        (8, "max 100000", 8),
        (8, "200000 100000", 2),
        (8, "250000 100000", 3),
        (8, "50000 100000", 1),
        (2, "400000 100000", 2),
        (8, "nonsense", 8),
        (8, "1 0", 8),
    ],
)
def test_a_container_may_have_fewer_than_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: int, quota: str | None, usable: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(machine)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    assert cores.usable_cores() == usable


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system ties no process to cores")
def test_a_process_that_is_tied_to_a_core_has_one() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores.usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
