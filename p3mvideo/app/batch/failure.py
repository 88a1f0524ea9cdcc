"""What becomes of an exception while one of several inputs is worked on."""

from __future__ import annotations

import logging

from p3mvideo.errors import P3MVideoError, UnexpectedError
from p3mvideo.io.inputs import Input

logger = logging.getLogger(__name__)


def failure_of(item: Input, error: Exception) -> P3MVideoError:
    """Return the error that is reported for an input, so that the others go on.

    What is unexpected is a fault of this program or of a library: its traceback is logged, at the level DEBUG, and it is the cause of what
    is returned.
    """
    if isinstance(error, P3MVideoError):
        return error
    logger.debug("%s failed unexpectedly", item.path, exc_info=error)
    return UnexpectedError(error, hint="--debug shows where in the program; please report it")
