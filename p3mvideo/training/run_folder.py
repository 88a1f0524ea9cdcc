"""The folder that a training run writes: one run at a time, and none over another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from p3mvideo.errors import TrainingError
from p3mvideo.files.file_lock import Lock, lock
from p3mvideo.training.loop.processes.process_group import Group

ORPHANS_SECONDS = 8.0
"""Processes that make samples end so long after a run that was killed, at most; until then they hold its lock."""


@contextmanager
def run_folder(output: Path, state: str, group: Group, *, resume: bool) -> Iterator[None]:
    """Make a run's folder and keep other runs out of it; one that holds a run is taken only to go on with it.

    Args:
        output: The folder.
        state: Name of the file in it that training goes on from.
        group: The processes that train together.
        resume: Whether to go on.

    Raises:
        TrainingError: The folder holds a run already, another process trains in it, or it cannot be made.
    """
    if (output / state).exists() and not resume:
        raise TrainingError(f"{output} holds a run already", hint="go on with it by --resume, or choose another --output")
    held = None
    if group.leads:
        try:
            output.mkdir(parents=True, exist_ok=True)
            held = _lock(output.resolve())
        except OSError as error:
            raise TrainingError(f"cannot make the folder {output}: {error.strerror or error}", hint="choose another --output") from error
        if held is None:
            raise TrainingError(f"another process is training in {output}", hint="wait for its end, or choose another --output")
    group.wait()
    try:
        yield
    finally:
        if held is not None:
            held.release()


def _lock(folder: Path) -> Lock | None:
    deadline = time.monotonic() + ORPHANS_SECONDS
    while (held := lock(folder)) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    return held
