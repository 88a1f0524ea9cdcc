"""What this process frees goes back to the system when it is told to."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from p3mvideo.process_memory import give_back_memory, limit_arenas, resident_mib

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


THREADS_AT_WORK = """
import ctypes, sys, threading
from p3mvideo.process_memory import limit_arenas
if sys.argv[2] == "limited":
    assert limit_arenas()
barrier = threading.Barrier(12)
def work():
    blocks = [bytearray(100_000) for _ in range(10)]
    barrier.wait(20)
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""
"""Twelve threads that hold memory at one time; then what glibc says of its arenas goes to a file."""


@pytest.mark.parametrize(("how", "most", "least"), [("limited", 2, 1), ("as it is", 1000, 3)])
def test_threads_share_two_arenas_where_that_is_asked_for(tmp_path: Path, how: str, most: int, least: int) -> None:
    told = tmp_path / "malloc.xml"
    subprocess.run([sys.executable, "-c", THREADS_AT_WORK, str(told), how], check=True, timeout=60)
    assert least <= told.read_text().count("<heap nr=") <= most


def test_other_systems_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not give_back_memory()
    assert not limit_arenas()
