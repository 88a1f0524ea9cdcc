"""A short run of the fuzz harness: damaged files of all kinds through the real command line."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fuzz.seeds import damage, make_seeds

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "weights" / "p3mnet-mobilenetv2-light.safetensors"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the harness forks")
def test_damaged_files_end_in_an_output_or_in_one_line(tmp_path: Path, cached_face_models: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz.run", "--files", "24", "--seed", "7", "--keep", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    assert "24 files" in done.stdout


def test_a_seed_gives_the_same_damage_again() -> None:
    data = bytes(range(256)) * 20
    changed = [damage(data, random.Random(number)) for number in range(40)]
    assert changed == [damage(data, random.Random(number)) for number in range(40)]
    assert data not in changed
    # The last change may begin before the end of what may be changed, and reach over it.
    assert all(item[1256:] == data[1256:] for item in (damage(data, random.Random(number), within=1000) for number in range(40)))


def test_there_are_valid_files_of_many_kinds(tmp_path: Path) -> None:
    seeds = make_seeds(tmp_path, WEIGHTS)
    assert len(seeds) >= 20
    assert all(path.stat().st_size > 50 for path in seeds.values())
