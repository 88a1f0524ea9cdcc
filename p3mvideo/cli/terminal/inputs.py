"""The inputs that a command is given."""

from __future__ import annotations

from collections.abc import Sequence

from p3mvideo.errors import ConfigError
from p3mvideo.options import BatchOptions


def given_inputs(inputs: Sequence[str] | None, batch: BatchOptions) -> Sequence[str]:
    """Return the inputs that were given; none only where a folder is watched.

    Raises:
        ConfigError: There are none.
    """
    if not inputs and batch.watch is None:
        raise ConfigError("there is no input", hint="name a file, a folder, a sequence like frame_%05d.png, or -; or a folder with --watch")
    return inputs or ()
