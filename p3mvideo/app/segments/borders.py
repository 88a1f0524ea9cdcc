"""Where the segments of a video begin."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

NEAR: Final = Fraction(1, 4)
"""How far from where a segment would begin a key frame may lie, in lengths of a segment, for it to begin there instead."""


def segment_borders(
    frames: Sequence[Fraction], keys: Sequence[Fraction], length: Fraction, *, start: Fraction | None = None, end: Fraction | None = None
) -> tuple[Fraction, ...]:
    """Return the time of the first frame of each segment; a single one for a video that is not worth dividing.

    Segments begin at key frames where there is one near: that is where encoders see cuts, and where reading begins quickly.

    Args:
        frames: The times of all frames, in seconds, in order.
        keys: Those of key frames.
        length: How long a segment is, in seconds; the last one is at least half as long.
        start: First time that is wanted.
        end: First time that is not.
    """
    first = bisect_left(frames, start) if start is not None else 0
    last = bisect_left(frames, end) if end is not None else len(frames)
    wanted = frames[first:last]
    if not wanted:
        return ()
    borders = [wanted[0]]
    while (ideal := borders[-1] + length) <= wanted[-1] - length / 2:
        key = _nearest(keys, ideal)
        border = key if key is not None and abs(key - ideal) <= NEAR * length else wanted[bisect_left(wanted, ideal)]
        borders.append(border)
    return tuple(borders)


def _nearest(times: Sequence[Fraction], ideal: Fraction) -> Fraction | None:
    position = bisect_left(times, ideal)
    return min(times[max(0, position - 1) : position + 1], key=lambda time: abs(time - ideal), default=None)
