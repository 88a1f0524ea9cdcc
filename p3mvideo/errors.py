"""The errors that p3mvideo raises for its user, and the exit code each one ends a command with.

    P3MVideoError
    ├── ConfigError      2  an option, a profile or a configuration file makes no sense
    ├── WeightsError     3  weights are missing, damaged or foreign
    ├── DeviceError      3  an accelerator, runtime or camera that was asked for is not there
    ├── SourceError      1  an input cannot be read
    │   └── DamagedInputError  4  an input broke midway; what came before it was kept
    ├── SinkError        1  an output cannot be written
    ├── PrivacyError     1  faces could not be protected, so nothing was shown
    ├── DatasetError     1  a data set is incomplete or inconsistent
    ├── TrainingError    1  training cannot go on
    └── UnexpectedError  1  a fault of the program, or of a library, that nothing else stands for

Mistakes of a caller in Python stay `ValueError` and `TypeError`. Errors of other libraries are translated in one place per
adapter and chained with `from`.
"""

from collections.abc import Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says."""

    DONE = 0
    SOME_FAILED = 1
    USAGE = 2
    MISSING = 3
    DAMAGED = 4
    NO_FACE = 5
    """Done, but in some input no face was found, so that nothing of it was covered."""
    INTERRUPTED = 130


class P3MVideoError(Exception):
    """An error to be shown to the user as one line with a hint, which is a note of the exception, too, so that Python's traceback shows it.

    Args:
        message: What was got and what was expected.
        hint: What to do about it; empty if there is nothing more to say.
    """

    exit_code: ExitCode = ExitCode.SOME_FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")

    @property
    def later_notes(self) -> tuple[str, ...]:
        """What was added to the error after it was raised: its notes but for the hint."""
        return tuple(getattr(self, "__notes__", ()))[bool(self.hint) :]


class ConfigError(P3MVideoError):
    """An option, a profile or a configuration file makes no sense."""

    exit_code = ExitCode.USAGE


class WeightsError(P3MVideoError):
    """Weights are missing, damaged or foreign."""

    exit_code = ExitCode.MISSING


class DeviceError(P3MVideoError):
    """An accelerator, runtime or camera that was asked for is not there."""

    exit_code = ExitCode.MISSING


class SourceError(P3MVideoError):
    """An input cannot be read."""


class DamagedInputError(SourceError):
    """An input broke midway; what came before it was kept."""

    exit_code = ExitCode.DAMAGED


class SinkError(P3MVideoError):
    """An output cannot be written."""


class PrivacyError(P3MVideoError):
    """Faces could not be protected, so nothing was shown."""


class DatasetError(P3MVideoError):
    """A data set is incomplete or inconsistent."""


class TrainingError(P3MVideoError):
    """Training cannot go on."""


class UnexpectedError(P3MVideoError):
    """A fault of the program, or of a library, that nothing else stands for; the exception is its cause.

    Args:
        error: The exception.
        hint: What to do about it.
    """

    def __init__(self, error: Exception, *, hint: str = "") -> None:
        said = " ".join(str(error).split())
        super().__init__(f"unexpected {type(error).__name__}" + (f": {said[:300]}" if said else ""), hint=hint)
        self.__cause__ = error


def error_to_json(error: P3MVideoError) -> dict[str, str]:
    """Return an error as plain values."""
    return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}


def error_from_json(values: Mapping[str, str]) -> P3MVideoError:
    """Return the error that `error_to_json` wrote. One that is unexpected has lost its cause."""
    kinds = (ConfigError, WeightsError, DeviceError, SourceError, DamagedInputError, SinkError, PrivacyError, DatasetError, TrainingError)
    kind = next((kind for kind in kinds if kind.__name__ == values["kind"]), P3MVideoError)
    return kind(values["message"], hint=values["hint"])
