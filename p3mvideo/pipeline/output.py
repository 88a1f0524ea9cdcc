"""What a pipeline writes, and how that is released."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from p3mvideo.pipeline.frame_queue import QueueClosed
from p3mvideo.stages import Compositor, FrameSink


@dataclass(frozen=True)
class Output:
    """An image made of every frame, and where it goes: the composite, the matte alone, the foreground."""

    compositor: Compositor
    sink: FrameSink


@contextmanager
def closing_all(outputs: Sequence[Output]) -> Iterator[None]:
    """Close every sink at the end, also after one that fails to close. A failure of the body wins over theirs."""
    failure: BaseException | None = None
    try:
        yield
    except BaseException as error:
        failure = error
    for output in outputs:
        try:
            output.sink.close()
        except Exception as error:
            if failure is None or isinstance(failure, QueueClosed):
                failure = error
            else:
                failure.add_note(f"after that, an output could not be closed: {type(error).__name__}: {error}")
    if failure is not None:
        raise failure
