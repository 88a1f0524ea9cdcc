"""What was done about the faces of an input, as the commands print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3mvideo.app.batch.result import InputResult

LISTED = 5
"""Places left open that are printed of one input."""


def faces_done(done: InputResult) -> str:
    """Return one line, such as "7 faces followed, weakest 0.30 at 00:12; review: in_anonymized.review.jpg"."""
    assert done.faces is not None
    summary, still = done.faces, done.item.kind == "image"
    if summary.nothing_covered:
        return f"NO FACE FOUND in {'the image' if still else _counted(summary.frames, 'frame')}: nothing was covered{_review(done)}"
    text = f"{_counted(summary.faces, 'face')} {'covered' if still else 'followed'}"
    if summary.weakest_score is not None and summary.weakest_seconds is not None:
        text += f", weakest {summary.weakest_score:.2f}" + ("" if still else f" at {clock(summary.weakest_seconds)}")
    if summary.frames_covered_whole:
        text += f", {_counted(summary.frames_covered_whole, 'frame')} covered as a whole"
    return text + _review(done)


def faces_left_open(done: InputResult) -> list[str]:
    """Return a line for each place that looks like a face and was not covered, the likeliest first."""
    assert done.faces is not None
    candidates, still = done.faces.left_open, done.item.kind == "image"
    lines = []
    for one in candidates[:LISTED]:
        x0, y0, x1, y1 = map(round, one.box)
        when = "" if still else f" at {clock(one.seconds)}"
        lines.append(f"  left open: {one.score:.2f}{when}, {y1 - y0} px at {(x0 + x1) // 2},{(y0 + y1) // 2}")
    if len(candidates) > LISTED:
        lines.append(f"  and {len(candidates) - LISTED} more")
    return lines


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, such as 00:12, or with hours where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _review(done: InputResult) -> str:
    return "" if done.review is None else f"; review: {done.review}"
