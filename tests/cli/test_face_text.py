"""What the commands print about the faces of their inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.result import BatchResult, InputResult
from p3mvideo.cli.terminal.results import show_result
from p3mvideo.io.inputs import Input
from p3mvideo.privacy.face_summary import FaceSummary, LeftOpen


def done(name: str, faces: FaceSummary, review: str | None = None) -> InputResult:
    item = Input(Path(name), "image" if name.endswith(".png") else "video", Path(name))
    return InputResult(item, OutputPlan(Path(f"o_{name}")), faces=faces, review=None if review is None else Path(review))


def places(count: int) -> tuple[LeftOpen, ...]:
    return tuple(LeftOpen(0.45 - 0.01 * n, 3600 + n, (10, 20, 28, 38)) for n in range(count))


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (done("in.mp4", FaceSummary(412, 7, 0.3, 12.9), "in.review.jpg"), "7 faces followed, weakest 0.30 at 00:12; review: in.review.jpg"),
        (done("in.png", FaceSummary(1, 1, 0.91, 0.0)), "1 face covered, weakest 0.91"),
        (done("in.mp4", FaceSummary(412, 0)), "NO FACE FOUND in 412 frames: nothing was covered"),
        (done("in.mp4", FaceSummary(9, 1, 0.5, 0.0, left_open_by_hand=2)), "1 face followed, weakest 0.50 at 00:00, 2 left open by hand"),
        (done("in.png", FaceSummary(1, 0)), "NO FACE FOUND in the image: nothing was covered"),
        (done("in.mp4", FaceSummary(9, 0, frames_covered_whole=2)), "0 faces followed, 2 frames covered as a whole"),
    ],
)
def test_one_line_an_input(capsys: pytest.CaptureFixture[str], result: InputResult, line: str) -> None:
    show_result(BatchResult((result,)), prose=True)
    heard = capsys.readouterr()
    assert heard.out == f"{result.plan.composite}\n"
    assert heard.err == f"{line}\n"
    show_result(BatchResult((result,)), prose=False)
    assert capsys.readouterr().err == (f"{line}\n" if "NO FACE" in line else ""), "silence is for what is as it should be"


def test_what_was_left_open_is_listed_and_an_input_without_faces_counted(capsys: pytest.CaptureFixture[str]) -> None:
    inputs = (done("a.mp4", FaceSummary(3, 0, left_open=places(7))), done("b.mp4", FaceSummary(3, 1, 0.8, 0.0)))
    show_result(BatchResult(inputs), prose=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "a.mp4: NO FACE FOUND in 3 frames: nothing was covered"
    assert lines[1] == "  left open: 0.45 at 1:00:00, 18 px at 19,29"
    assert lines[6:8] == ["  and 2 more", "b.mp4: 1 face followed, weakest 0.80 at 00:00"]
    states = ["result", "no face found", "done", "1 no face found, 1 done"]
    assert [line.split("  ")[0] for line in lines[8:]] == [*states, "p3mvideo: NO FACE FOUND in 1 of 2 inputs"]
