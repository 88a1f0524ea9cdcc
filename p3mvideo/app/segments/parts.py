"""What must be known of a whole video before its segments are written, found part by part: by several processes, and kept when they are stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from typing import Any, Final, NamedTuple

from p3mvideo.app.batch.unit import Unit
from p3mvideo.app.segments.divided_file import REPLAY_SECONDS, ClaimedSegments, DividedFile, read_json, write_json
from p3mvideo.frame import Frame, FrameSource
from p3mvideo.listener import Listener

PART_SECONDS: Final = Fraction(120)
"""How long a part is at least: what is looked at twice, around the borders, is then at most a fifteenth."""


class Parts(NamedTuple):
    """What was found in a whole video."""

    found: list[Any]
    """In each part, as plain values."""
    borders: list[float]
    """Where each begins, in seconds."""


def find_in_parts(
    file: DividedFile,
    unit: Unit,
    open_source: Callable[[Fraction | None], AbstractContextManager[FrameSource]],
    look_at: Callable[[Iterator[Frame], Callable[[int], None]], Any],
    listener: Listener,
) -> Parts | None:
    """Find something in those parts of a video that no other process works on, and wait for the others, unless `unit.helps`.

    A part is looked at from `REPLAY_SECONDS` before it to as long after it, so that the same is found whoever does so, and whenever.

    Args:
        file: The video.
        unit: The unit that it is.
        open_source: Opens it, from a time in seconds on or from the beginning.
        look_at: Looks at the frames of one part, calls its second argument with the number of those that are done, and returns plain values.
        listener: Hears of it.

    Returns:
        What was found, None if parts are missing, as happens to those that help.
    """
    parts = file.parts("parts", PART_SECONDS)

    def work_on(claimed: ClaimedSegments) -> None:
        done = len(parts.frames) - parts.frames_in(parts.missing())
        listener.begin(f"{unit.item.path}, finding faces", len(parts.frames), done=done, number=unit.number, of=unit.of)
        until = None if claimed.ends_at is None else claimed.ends_at + REPLAY_SECONDS
        with open_source(claimed.read_from) as source:
            found = look_at(_before(source, until), lambda count: listener.advance(done + count))
        write_json(parts.path(claimed.numbers[0], 0), found)

    if not unit.helps:
        listener.divided(len(parts.missing()))
    parts.work(work_on, helps=unit.helps)
    return None if parts.missing() else Parts([read_json(path) for path in parts.paths(0)], list(map(float, parts.borders)))


def _before(frames: FrameSource, until: Fraction | None) -> Iterator[Frame]:
    for frame in frames:
        if until is not None and frame.seconds >= until:
            return
        yield frame
