"""What became of the inputs of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.errors import ConfigError, ExitCode, P3MVideoError
from p3mvideo.io.damage import DamagedRange
from p3mvideo.io.inputs import Input
from p3mvideo.pipeline import RunStatistics


@dataclass(frozen=True)
class ProcessedInput:
    """What became of one input."""

    item: Input
    plan: OutputPlan
    statistics: RunStatistics | None = None
    """None if it failed."""
    damaged: tuple[DamagedRange, ...] = ()
    """What of the input could not be decoded; the output lacks it."""
    error: P3MVideoError | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "input": str(self.item.path),
            "outputs": [str(path) for path in self.plan.paths()] if self.error is None else [],
            "error": self.error and {"message": self.error.message, "hint": self.error.hint},
            "damaged": [
                {"start_seconds": float(r.start_seconds), "end_seconds": float(r.end_seconds), "reason": r.reason} for r in self.damaged
            ],
            "statistics": self.statistics and self.statistics.to_json(),
        }


@dataclass(frozen=True)
class ProcessResult:
    """What became of all inputs."""

    engine: str
    """Model, runtime, device and precision really used; empty if there was nothing to use them for."""
    inputs: tuple[ProcessedInput, ...]

    @property
    def failures(self) -> tuple[ProcessedInput, ...]:
        """The inputs that gave no output."""
        return tuple(done for done in self.inputs if done.error is not None)

    @property
    def exit_code(self) -> ExitCode:
        """What a command ends with."""
        if self.failures:
            only = self.inputs[0].error if len(self.inputs) == 1 else None
            return only.exit_code if only is not None else ExitCode.SOME_FAILED
        return ExitCode.DAMAGED if any(done.damaged for done in self.inputs) else ExitCode.DONE

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {"engine": self.engine, "exit_code": int(self.exit_code), "inputs": [done.to_json() for done in self.inputs]}


def check_report(path: Path) -> None:
    """Make sure, before hours of work, that a report can be written there.

    Raises:
        ConfigError: Its folder does not exist, or it is a folder itself.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        why = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise ConfigError(f"cannot write the report {path}: {why}", hint="choose another name for --report")


def write_report(path: Path, result: ProcessResult) -> None:
    """Write the account of a run as JSON; what was there is replaced.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        path.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write the report {path}: {error.strerror}", hint="choose another name for --report") from error
