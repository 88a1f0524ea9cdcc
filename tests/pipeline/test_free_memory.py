import platform
import sys
from pathlib import Path

import numpy as np
import pytest

from p3mvideo.pipeline.free_memory import return_free_memory


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096 / 2**20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or not Path("/proc/self/statm").exists(), reason="needs Linux with glibc")
def test_what_was_freed_goes_back_to_the_system() -> None:
    blocks = [np.ones(8000, np.uint8) for _ in range(10_000)]
    kept = blocks[::100]  # which keep the heap from shrinking by itself
    del blocks
    before = resident_mib()
    return_free_memory()
    assert resident_mib() < before - 40
    assert all(block.all() for block in kept)


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    return_free_memory()
