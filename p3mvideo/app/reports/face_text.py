"""What was done about the faces of an input, as it is told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3mvideo.privacy.face_summary import FaceSummary

LISTED = 5
"""Places left open that are printed of one input."""


def face_figures(summary: FaceSummary, *, still: bool) -> str:
    """Return one line, such as "7 faces followed, weakest 0.30 at 00:12".

    Args:
        summary: What was done.
        still: Whether the input is an image.
    """
    if summary.none_found:
        return f"NO FACE FOUND in {'the image' if still else _counted(summary.frames, 'frame')}: nothing was covered"
    text = f"{_counted(summary.faces, 'face')} {'covered' if still else 'followed'}"
    if summary.weakest_score is not None and summary.weakest_seconds is not None:
        text += f", weakest {summary.weakest_score:.2f}" + ("" if still else f" at {clock(summary.weakest_seconds)}")
    if summary.frames_covered_whole:
        text += f", {_counted(summary.frames_covered_whole, 'frame')} covered as a whole"
    if summary.left_open_by_hand:
        text += f", {summary.left_open_by_hand} left open by hand"
    return text


def places_left_open(summary: FaceSummary, *, still: bool) -> list[str]:
    """Return a line for each place that looks like a face and was not covered, the likeliest first."""
    lines = []
    for place in summary.left_open[:LISTED]:
        x0, y0, x1, y1 = map(round, place.box)
        when = "" if still else f" at {clock(place.seconds)}"
        lines.append(f"  left open: {place.score:.2f}{when}, {y1 - y0} px at {(x0 + x1) // 2},{(y0 + y1) // 2}")
    if len(summary.left_open) > LISTED:
        lines.append(f"  and {len(summary.left_open) - LISTED} more")
    return lines


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, such as 00:12, or with hours where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
