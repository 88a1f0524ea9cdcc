"""What became of the inputs of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.errors import ConfigError, ExitCode, P3MVideoError, error_from_json, error_to_json
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.io.damage import DamagedRange
from p3mvideo.io.inputs import Input
from p3mvideo.pipeline import RunStatistics
from p3mvideo.privacy.face_summary import FaceSummary

Note = Literal["", "done before", "failed before", "quarantined", "outputs exist"]


@dataclass(frozen=True)
class InputResult:
    """What became of one input."""

    item: Input
    plan: OutputPlan
    statistics: RunStatistics | None = None
    """How the run over it went; None if it failed, and for `anonymize`."""
    damaged: tuple[DamagedRange, ...] = ()
    """What of the input could not be decoded; the output lacks it."""
    error: P3MVideoError | None = None
    audit: dict[str, Any] | None = None
    """How faces were followed and covered, for `anonymize` in this process; see docs/audit.md."""
    faces: FaceSummary | None = None
    """What was done about faces; None where they are not hidden from viewers."""
    review: Path | None = None
    """What to look at before the output is released."""
    note: Note = ""
    """Why nothing was done for it in this run; empty if something was."""

    @property
    def outputs(self) -> list[Path]:
        """The files that were written."""
        return self.plan.paths() if self.error is None else []

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "input": str(self.item.path),
            "outputs": [str(path) for path in self.outputs],
            "error": self.error and error_to_json(self.error),
            "damaged": [lost.to_json() for lost in self.damaged],
            "statistics": self.statistics and self.statistics.to_json(),
            "faces": self.faces and self.faces.to_json(),
            "review": None if self.review is None else str(self.review),
            "note": self.note,
        }

    @classmethod
    def from_json(cls, item: Input, plan: OutputPlan, values: Mapping[str, Any], *, note: Note = "") -> InputResult:
        """Return the result that `to_json` wrote for an input."""
        error, statistics = values["error"], values["statistics"]
        damaged = [DamagedRange(Fraction(r["start_seconds"]), Fraction(r["end_seconds"]), r["reason"]) for r in values["damaged"]]
        return cls(
            item, plan, statistics and RunStatistics.from_json(statistics), tuple(damaged), error and error_from_json(error),
            faces=values["faces"] and FaceSummary.from_json(values["faces"]),
            review=None if values["review"] is None else Path(values["review"]), note=note or values["note"],
        )  # fmt: skip


@dataclass(frozen=True)
class BatchResult:
    """What became of all inputs."""

    inputs: tuple[InputResult, ...]
    engine: str = ""
    """Model, runtime, device and precision really used; empty if there was nothing to use them for."""
    options: dict[str, Any] = field(default_factory=dict)
    """The options of the run, as plain values."""

    @property
    def failures(self) -> tuple[InputResult, ...]:
        """The inputs that gave no output."""
        return tuple(done for done in self.inputs if done.error is not None)

    @property
    def without_faces(self) -> tuple[InputResult, ...]:
        """The inputs whose faces were to be covered, and in which none was found."""
        return tuple(done for done in self.inputs if done.error is None and done.faces is not None and done.faces.none_found)

    @property
    def exit_code(self) -> ExitCode:
        """What a command ends with: the code of what a person must look at first."""
        if self.failures:
            only = self.inputs[0].error if len(self.inputs) == 1 else None
            return only.exit_code if only is not None else ExitCode.SOME_FAILED
        if self.without_faces:
            return ExitCode.NO_FACE
        return ExitCode.DAMAGED if any(done.damaged for done in self.inputs) else ExitCode.DONE

    def raise_for_errors(self) -> None:
        """Raise the error of the first input that failed; the others are its notes. Do nothing if none failed.

        Raises:
            P3MVideoError: An input failed.
        """
        if self.failures:
            first, *others = self.failures
            assert first.error is not None
            for other in others:
                first.error.add_note(f"{other.item.path}: {other.error}")
            raise first.error

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "engine": self.engine, "options": self.options, "exit_code": int(self.exit_code),
            "inputs": [done.to_json() for done in self.inputs],
        }  # fmt: skip


def check_report(path: Path) -> None:
    """Make sure, before hours of work, that a report can be written there.

    Raises:
        ConfigError: Its folder does not exist, it is a folder itself, or no file can have its name.
    """
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ConfigError(f"cannot write the report {path}: {error.strerror}", hint="choose another name for --report") from error
    if path.is_dir() or not path.absolute().parent.is_dir():
        why = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise ConfigError(f"cannot write the report {path}: {why}", hint="choose another name for --report")


def write_report(path: Path, result: BatchResult) -> None:
    """Write the account of a run as JSON, in one step; what was there is replaced.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        write_atomically(path, (json.dumps(result.to_json(), indent=2) + "\n").encode())
    except OSError as error:
        raise ConfigError(f"cannot write the report {path}: {error.strerror}", hint="choose another name for --report") from error
