"""What this process frees goes back to the system when it is told to."""

import platform
import sys

import pytest

from p3mvideo.process_memory import give_back_memory, resident_mib

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
BLOCK_BYTES, BLOCKS = 64 << 10, 2000
"""So small that they come out of a common block of memory, which stays with the process while its last part is used."""


def test_freed_blocks_are_given_back() -> None:
    blocks = [bytearray(b"x" * BLOCK_BYTES) for _ in range(BLOCKS)]
    last = blocks[-1]
    blocks.clear()
    kept = resident_mib()
    assert give_back_memory()
    assert (kept - resident_mib()) * 2**20 > 0.8 * BLOCKS * BLOCK_BYTES
    assert last == b"x" * BLOCK_BYTES


def test_other_systems_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not give_back_memory()
