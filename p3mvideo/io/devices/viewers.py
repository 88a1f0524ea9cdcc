"""Whether anybody watches a virtual camera."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def count_viewers(device: str, *, processes: Path = Path("/proc")) -> int | None:
    """Return how many other processes of this user have a device open; None if that cannot be told.

    It can be told on Linux, where the device is a file, and only if every process of the user shows what it has open: some browsers hide
    that, and then someone must be taken to watch.

    Args:
        device: The device file.
        processes: Where the system shows its processes.
    """
    if sys.platform != "linux":
        return None
    try:
        wanted = os.stat(device)
        entries = [entry for entry in processes.iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()]
    except OSError:
        return None
    count = 0
    for entry in entries:
        try:
            if not _is_own(entry):
                continue
            count += any(_is_same(file, wanted) for file in (entry / "fd").iterdir())
        except PermissionError:
            return None
        except OSError:
            continue  # ended in the meantime
    return count


def _is_own(entry: Path) -> bool:
    """Whether a process runs for this user; its folder may belong to root all the same."""
    for line in (entry / "status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("Uid:"):
            return sys.platform == "linux" and int(line.split()[1]) == os.getuid()
    return False


def _is_same(file: Path, wanted: os.stat_result) -> bool:
    try:
        status = file.stat()
    except OSError:
        return False  # closed in the meantime, or a pipe of another system
    return sys.platform == "linux" and (status.st_dev, status.st_ino, status.st_rdev) == (wanted.st_dev, wanted.st_ino, wanted.st_rdev)
