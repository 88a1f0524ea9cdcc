"""What became of units of work, in files that outlive the run: one record beside the outputs of each."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from p3mvideo.app.batch.unit import Unit
from p3mvideo.errors import SinkError
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.io.images.sequence_sink import sequence_place
from p3mvideo.io.open_sink import is_sequence

FOLDER = ".p3mvideo"
"""Lies beside the outputs and holds records, claims and unfinished segments."""
LONGEST_NAME_BYTES = 150

State = Literal["running", "done", "failed", "quarantined"]


@dataclass(frozen=True)
class Record:
    """What became of a unit."""

    key: str
    """That of the unit, see `unit_key`."""
    state: State
    deaths: int = 0
    """How often the process that worked on it ended without a word."""
    outputs: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Size and time of change of each output that was there when it ended, by its name in `OutputPlan`."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """As `InputResult.to_json`, when it was done or failed."""


def work_path(unit: Unit, suffix: str) -> Path:
    """Return a place beside a unit's first output for what belongs to the unit."""
    return _work_path(unit.plan.paths()[0], suffix)


def _work_path(first_output: Path, suffix: str) -> Path:
    output = place_of(first_output)
    name = output.name
    if len(os.fsencode(name)) > LONGEST_NAME_BYTES:
        name = f"{os.fsencode(name)[: LONGEST_NAME_BYTES - 20].decode(errors='ignore')}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
    return output.parent / FOLDER / f"{name}{suffix}"


def segment_folder(unit: Unit) -> Path:
    """Return the folder of a unit's segments: those of other options, results and kinds of file lie elsewhere.

    A segment is found by its number and its result's place among those that are made, so all that share a folder make the same ones.
    """
    made = [(name, path.suffix.lower()) for name, path in vars(unit.plan).items() if isinstance(path, Path)]
    return work_path(unit, f".{hashlib.sha256(json.dumps([unit.key, made]).encode()).hexdigest()[:16]}")


def read_record(unit: Unit) -> Record | None:
    """Return the record of a unit, None if there is none that can be read."""
    return _read(work_path(unit, ".json"))


def recorded_input(first_output: Path) -> Path | None:
    """Return what an output was made from, None if no record says that it was made."""
    record = _read(_work_path(first_output, ".json"))
    return Path(record.result["input"]) if record is not None and record.state == "done" and "input" in record.result else None


def _read(path: Path) -> Record | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        outputs = {path: (int(size), int(changed)) for path, (size, changed) in values.pop("outputs").items()}
        return Record(**values, outputs=outputs)
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None


def write_record(unit: Unit, record: Record) -> None:
    """Write the record of a unit in one step.

    Raises:
        SinkError: It cannot be written.
    """
    path = work_path(unit, ".json")
    try:
        make_work_folder(unit)
        write_atomically(path, (json.dumps(vars(record), indent=1) + "\n").encode())
    except OSError as error:
        raise SinkError(f"cannot write the record {path}: {error.strerror}", hint="choose another output folder") from error


def make_work_folder(unit: Unit) -> None:
    """Make the folder of a unit's records.

    Raises:
        SinkError: It cannot be made.
    """
    unit.plan.make_folders()
    folder = work_path(unit, "").parent
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError as error:
        raise SinkError(f"the folder {folder.parent} does not exist", hint="create it first") from error
    except OSError as error:
        raise SinkError(f"cannot make the folder {folder}: {error.strerror}", hint="choose another output folder") from error


def output_states(unit: Unit) -> dict[str, tuple[int, int]]:
    """Return size and time of change of each output that is there, by its name in `OutputPlan`: of a sequence, those of its folder."""
    found = {}
    for name in ("composite", "alpha", "foreground"):
        path = getattr(unit.plan, name)
        if path is not None and place_of(path).exists():
            status = place_of(path).stat()
            found[name] = (status.st_size, status.st_mtime_ns)
    return found


def place_of(path: Path) -> Path:
    """Return what appears when an output is complete: a file, or the folder of a sequence."""
    return sequence_place(path)[0] if is_sequence(path) else path
