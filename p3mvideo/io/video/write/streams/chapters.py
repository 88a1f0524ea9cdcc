"""Brings the chapters of a video into a part of it."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

from p3mvideo.io.video.write.streams.metadata import kept_metadata

if TYPE_CHECKING:
    from av.container.core import Chapter


def kept_chapters(chapters: Iterable[Chapter], *, start: Fraction, length: Fraction | None, identity: bool) -> list[Chapter]:
    """Return the chapters of a part of a video, in its clock.

    Args:
        chapters: Those of the whole.
        start: Where the part begins in their clock, in seconds.
        length: How long it is; None: to the end.
        identity: Whether titles are kept, which may name someone, or the chapters only numbered.
    """
    kept: list[Chapter] = []
    for chapter in chapters:
        unit = chapter["time_base"] or Fraction(1, 1000)
        first, last = chapter["start"] - round(start / unit), chapter["end"] - round(start / unit)
        if length is not None:
            last = min(last, round(length / unit))
        if last > max(first, 0):
            metadata = kept_metadata(chapter["metadata"]) if identity else {"title": f"Chapter {len(kept) + 1}"}
            kept.append({**chapter, "start": max(first, 0), "end": last, "time_base": unit, "metadata": metadata})
    return kept
