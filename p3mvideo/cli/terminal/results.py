"""How the result of a run over files is printed."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, TextIO

from p3mvideo.app.reports.face_text import face_figures, places_left_open
from p3mvideo.cli.terminal.any_text import one_line
from p3mvideo.cli.terminal.errors import show_error

if TYPE_CHECKING:
    from p3mvideo.app.batch.result import BatchResult, InputResult


def show_result(result: BatchResult, *, prose: bool) -> None:
    """Print where results lie to standard output, unless one of them is there itself; everything else to standard error.

    Args:
        result: The account of the run.
        prose: Whether to say how it went, too.
    """
    piped = any(str(path) == "-" for done in result.inputs for path in done.plan.paths())
    paths_to = sys.stdout if not piped else sys.stderr if prose else None
    several = len(result.inputs) > 1
    for done in result.inputs:
        if done.error is None:
            _show_done(done, prose=prose, brief=several, paths_to=paths_to)
    if several and prose:
        print(result_table(result), file=sys.stderr)
    if result.without_faces and several:
        print(f"p3mvideo: NO FACE FOUND in {len(result.without_faces)} of {len(result.inputs)} inputs", file=sys.stderr)
    if result.failures and several:
        print(f"p3mvideo: {len(result.failures)} of {len(result.inputs)} inputs failed:", file=sys.stderr)
    for done in result.failures:
        assert done.error is not None
        show_error(done.error, f"{done.item.path}: " if several else "")


def result_table(result: BatchResult) -> str:
    """Return a line for each input, what became of it and how fast, and the counts."""
    rows = [(state_of(done), *_frames_and_rate(done), str(done.item.path)) for done in result.inputs]
    lines = [f"{'result':<14}{'frames':>9}{'per second':>12}  input"]
    lines += [f"{state:<14}{frames:>9}{rate:>12}  {one_line(name)}" for state, frames, rate, name in rows]
    counts = Counter(state for state, *_ in rows)
    return "\n".join([*lines, ", ".join(f"{count} {state}" for state, count in counts.most_common())])


def state_of(done: InputResult) -> str:
    """Return in a word or two what became of an input."""
    if done.note:
        return done.note
    if done.error is not None:
        return "failed"
    if done.faces is not None and done.faces.none_found:
        return "no face found"
    return "damaged" if done.damaged else "done"


def _frames_and_rate(done: InputResult) -> tuple[str, str]:
    if done.statistics is None:
        return "", ""
    return str(done.statistics.frames_out), "" if done.note else f"{done.statistics.frames_per_second:.1f}"


def _show_done(done: InputResult, *, prose: bool, brief: bool, paths_to: TextIO | None) -> None:
    for path in done.plan.paths():
        if str(path) != "-" and paths_to is not None:
            print(path, file=paths_to, flush=True)
    for damage in done.damaged:
        print(f"p3mvideo: {done.item.path} is damaged, the output lacks {damage}", file=sys.stderr)
    if done.faces is not None and (prose or done.faces.none_found):
        still = done.item.kind == "image"
        subject, review = f"{done.item.path}: " if brief else "", "" if done.review is None else f"; review: {done.review}"
        lines = [one_line(f"{subject}{face_figures(done.faces, still=still)}{review}")]
        print(*lines, *(places_left_open(done.faces, still=still) if prose else ()), sep="\n", file=sys.stderr)
    if prose and done.note and not brief:
        print(f"p3mvideo: {done.item.path}: {done.note}", file=sys.stderr)
    elif prose and done.statistics is not None and not brief:
        print(done.statistics.table(), file=sys.stderr)
