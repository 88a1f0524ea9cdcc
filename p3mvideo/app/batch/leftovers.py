"""What killed processes left beside outputs: unfinished files, claims of the dead, segments that are joined already."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from p3mvideo.app.batch.claims import Claims
from p3mvideo.app.batch.output_plan import STDOUT
from p3mvideo.app.batch.records import place_of, segment_folder, work_path
from p3mvideo.app.batch.unit import Unit
from p3mvideo.errors import SinkError
from p3mvideo.files.atomic_write import mark_in, mark_of
from p3mvideo.io.part_file import clear_parts, outputs_with_parts, parts_of

STALE_SECONDS: Final = 3600.0
"""Claims are written in one step and carry no lock; one that has not been renamed for this long never will be."""
ENDING_SECONDS: Final = 10.0
"""How long a process whose run was killed may take to end: it notices at once, but not in the middle of a call into a library."""
_CLAIM = re.compile(r".*\.claim\.[0-9a-f]{12}")


def remove_leftovers(units: Iterable[Unit], claims: Claims | None) -> None:
    """Remove what is left of units that no living process works on. Each folder is looked at once, however many units have outputs in it.

    Args:
        units: The units; those that this process has claimed are looked at too.
        claims: This process's claims; None if there are none, and no records.
    """
    units = list(units)
    for output in _outputs_with_parts(units):
        with contextlib.suppress(SinkError, OSError):  # someone writes it, or it is in no one's way
            clear_parts(output)
    if claims is None:
        return
    in_folder: dict[Path, list[Unit]] = defaultdict(list)
    for unit in units:
        in_folder[work_path(unit, "").parent].append(unit)
    for folder, in_it in in_folder.items():
        with contextlib.suppress(OSError):
            _remove_small(folder, in_it, claims)


def unfinished_outputs(units: Iterable[Unit]) -> set[Path]:
    """Return what is there of outputs of units that are not complete, whoever writes it."""
    return {part for output in _outputs_with_parts(units) for part in parts_of(output)}


def remove_unfinished(units: Iterable[Unit], others: Collection[Path]) -> None:
    """Remove what workers of this run were writing, which have all ended.

    Args:
        units: What they were working on.
        others: What was there before they began, see `unfinished_outputs`: perhaps others are writing it.
    """
    for output in _outputs_with_parts(units):
        with contextlib.suppress(SinkError, OSError):  # someone else writes it too, or it is in no one's way
            clear_parts(output, ended=set(parts_of(output)) - set(others))


def _outputs_with_parts(units: Iterable[Unit]) -> list[Path]:
    return outputs_with_parts(place_of(path) for unit in units for path in unit.plan.paths() if path != STDOUT)


def _remove_small(folder: Path, units: Iterable[Unit], claims: Claims) -> None:
    """Remove claims of the dead, and records that were not finished: those of a unit that can be claimed are written by no one."""
    names = set(os.listdir(folder))
    unfinished: dict[str, list[Path]] = defaultdict(list)
    for name in names:
        if (mark := mark_in(name)) is not None:
            unfinished[mark].append(folder / name)
    for unit in units:
        claim, left = work_path(unit, ".claim"), unfinished.get(mark_of(work_path(unit, ".json")), [])
        if (left or claim.name in names) and not claims.holds(claim) and claims.take(claim):
            for part in left:
                part.unlink(missing_ok=True)
            claims.release(claim)
    for name in sorted(names):
        if _CLAIM.fullmatch(name) or mark_in(name):
            with contextlib.suppress(FileNotFoundError):  # removed above, or by another process
                if time.time() - (folder / name).stat().st_mtime > STALE_SECONDS:
                    (folder / name).unlink()


def wait_for_ending(unit: Unit) -> None:
    """Wait for a process that still writes an output of a unit although its run is gone, and remove what it leaves.

    The unit is claimed, so no other run can be writing it.
    """
    for path in unit.plan.paths():
        with contextlib.suppress(SinkError, OSError):  # the work itself finds out whether it can be written
            clear_parts(place_of(path), wait_seconds=ENDING_SECONDS)


def remove_segments(unit: Unit) -> None:
    """Remove the segments of a unit that is done. In one step: a helper that comes late does not find some of them and makes the others again."""
    folder = segment_folder(unit)
    away = folder.with_name(f"{folder.name}.joined")
    shutil.rmtree(away, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.rename(away)
    shutil.rmtree(away, ignore_errors=True)
