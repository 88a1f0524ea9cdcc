"""What must be known of a whole video before its segments are written, found part by part: by several processes, and kept when they are stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from typing import Any

from p3mvideo.app.batch.unit import Unit
from p3mvideo.app.segments.divided_file import ClaimedSegments, DividedFile, read_json, write_json
from p3mvideo.frame import Frame
from p3mvideo.listener import Listener
from p3mvideo.privacy.follow.recording_parts import looking_begins, part_at
from p3mvideo.stages import FrameSource


def find_faces_in_parts(
    file: DividedFile,
    unit: Unit,
    open_source: Callable[[Fraction | None], AbstractContextManager[FrameSource]],
    look_at: Callable[[int, Iterator[Frame], Callable[[int], None]], Any],
    listener: Listener,
) -> dict[int, Any] | None:
    """Find the faces in those parts of a video that no other process works on, and wait for the others, unless `unit.helps`.

    Args:
        file: The video.
        unit: The unit that it is.
        open_source: Opens it, from a time in seconds on or from the beginning.
        look_at: Looks for it in a part of that number, given all frames from `looking_begins` on, of which it takes as many as it needs. Calls its
            last argument with the number of those that are done, and returns plain values.
        listener: Hears of it.

    Returns:
        What was found in each part (see `recording_parts`) of which frames can be decoded, by number and in order; None if parts are missing, as
        happens to those that help.
    """
    firsts = {part_at(float(seconds)): seconds for seconds in reversed(file.frames)}
    parts = file.parts("parts", sorted(firsts.values()))

    def work_on(claimed: ClaimedSegments) -> None:
        done = len(parts.frames) - parts.frames_in(parts.missing())
        listener.begin(f"{unit.item.path}, finding faces", len(parts.frames), done=done, number=unit.number, of=unit.of)
        number = claimed.numbers[0]
        part = part_at(float(parts.borders[number]))
        first = looking_begins(part)
        with open_source(Fraction(first) if first > file.frames[0] else None) as source:
            frames = (frame for frame in source if float(frame.seconds) >= first)
            found = look_at(part, frames, lambda count: listener.advance(done + count))
        write_json(parts.path(number, 0), found)

    if not unit.helps:
        listener.divided(len(parts.missing()))
    parts.work(work_on, helps=unit.helps)
    if parts.missing():
        return None
    found = [(border, parts.path(number, 0)) for number, border in enumerate(parts.borders) if not parts.is_empty(number)]
    return {part_at(float(border)): read_json(path) for border, path in found}
