"""Corrections by hand, from end to end: what an edit says is what the output shows, and an audit gives the same frames again."""

from __future__ import annotations

import json
import logging
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from p3mvideo.app.anonymize.run import anonymize
from p3mvideo.cli import app
from p3mvideo.errors import ConfigError, ExitCode, PrivacyError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.privacy.detection import Detection
from tests.harness.flat_options import call
from tests.io.media import make_video
from tests.privacy.fakes import face_at

pytestmark = pytest.mark.usefixtures("surveys")

WIDTH, HEIGHT, FRAMES, RATE, SIDE = 256, 144, 20, 25, 32
INNER = 3 * SIDE // 8
"""From the middle of a face: the corners of its box are hair, which covers may leave."""
LEFT, RIGHT, FALSE = (40, 72), (128, 72), (128, 20)
"""Two faces that are found, and something else that is taken for one."""
SPEED = 2
"""A third face, which is not found, goes to the right by this many pixels a frame."""


def missed_at(number: int) -> tuple[int, int]:
    return 180 + SPEED * number, 110


def found(_: int) -> Sequence[Detection]:
    return [face_at(*place, SIDE) for place in (LEFT, RIGHT, FALSE)]


def image(number: int) -> UInt8Array:
    """Return a frame whose faces are checkerboards that move with them, the rest plain."""
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for x, y in (LEFT, RIGHT, FALSE, missed_at(number)):
        checks = np.random.default_rng(x if y != 110 else 1).integers(0, 2, (SIDE // 4, SIDE // 4)).astype(np.uint8) * 255
        image[y - SIDE // 2 : y + SIDE // 2, x - SIDE // 2 : x + SIDE // 2] = np.kron(checks, np.ones((4, 4), np.uint8))[..., None]
    return image


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "clip.mkv"
    return make_video(path, images=[image(number) for number in range(FRAMES)], codec="ffv1")


@pytest.fixture
def clip(original: Path, tmp_path: Path, surveys: dict[str, Any]) -> Path:
    surveys["script"] = found
    path = tmp_path / "clip.mkv"
    path.write_bytes(original.read_bytes())
    return path


def run(clip: Path, **options: Any) -> tuple[list[UInt8Array], dict[str, Any]]:
    """Return the frames of an anonymized clip, and its audit."""
    result = call(anonymize, [clip], codec="ffv1", overwrite=True, **options)
    result.raise_for_errors()
    assert result.exit_code is ExitCode.DONE
    with VideoSource(clip.with_name("clip_anonymized.mkv")) as source:
        images = [frame.interleaved().copy() for frame in source]
    return images, json.loads(clip.with_name("clip_anonymized.audit.json").read_text())


def bare(images: Sequence[UInt8Array], place: tuple[int, int] | None) -> list[int]:
    """Return in which frames a face can be seen as it was; None is the one that was missed."""
    numbers = []
    for number, image in enumerate(images):
        x, y = place or missed_at(number)
        part = (slice(y - INNER, y + INNER), slice(x - INNER, x + INNER))
        if float(image[part].astype(float).std(axis=(0, 1)).max()) > 20:
            numbers.append(number)
    return numbers


ALL = list(range(FRAMES))


def test_faces_are_kept_dropped_and_added_by_an_edits_file(clip: Path) -> None:
    images, audit = run(clip)
    assert [bare(images, place) for place in (LEFT, RIGHT, FALSE, None)] == [[], [], [], ALL]
    assert [track["track"] for track in audit["tracks"]] == [1, 2, 3]
    added = {"boxes": [{"seconds": number / RATE, "box": box_about(*missed_at(number))} for number in (0, FRAMES - 1)]}
    edits = {"version": 1, "plan_id": audit["plan_id"], "keep": [{"track": 1}], "drop": [{"at": [0.2, *FALSE], "start": 0.2}], "add": [added]}
    images, edited = run(clip, edits=write(clip, edits))
    assert [bare(images, place) for place in (LEFT, RIGHT, FALSE, None)] == [ALL, [], ALL[5:], []]
    assert edited["plan_id"] == audit["plan_id"], "a second run finds the same"
    assert edited["edits"]["drop"] == [{"track": number_at(audit, FALSE), "start": 0.2}]
    assert edited["tracks"][3]["frames_by_hand"] == FRAMES
    again, last = run(clip, from_audit=clip.with_name("clip_anonymized.audit.json"))
    assert np.array_equal(again, images)
    assert {**last, "options": edited["options"]} == edited


def test_a_sequence_is_corrected_by_the_command_on_its_page(clip: Path) -> None:
    folder = clip.with_name("frames")
    call(anonymize, [clip], output=folder / "frame_%05d.png").raise_for_errors()
    names = [f"frame_{number:05}.png" for number in range(1, FRAMES + 1)]
    assert sorted(path.name for path in folder.iterdir()) == names, "what is told of the images is not among them"
    audit = json.loads(clip.with_name("frames.audit.json").read_text())
    page = re.search(r'id="data">(.*?)</script>', clip.with_name("frames.review.html").read_text("utf-8"), re.DOTALL)
    assert page is not None
    clip.with_name("frames.edits.json").write_text(json.dumps({"version": 1, "plan_id": audit["plan_id"], "keep": [{"track": 1}]}))
    done = CliRunner().invoke(app, shlex.split(json.loads(page[1])["command"])[1:], catch_exceptions=False)
    assert done.exit_code == ExitCode.DONE, done.stderr
    images = [np.asarray(cv2.imread(str(folder / name), cv2.IMREAD_COLOR_RGB), np.uint8) for name in names]
    assert [bare(images, place) for place in (LEFT, RIGHT)] == [ALL, []]


def number_at(audit: dict[str, Any], place: tuple[int, int]) -> int:
    def middle(track: dict[str, Any]) -> tuple[float, float]:
        x0, y0, x1, y1 = track["spans"][0][0]["box"]
        return (x0 + x1) / 2, (y0 + y1) / 2

    return next(int(track["track"]) for track in audit["tracks"] if np.allclose(middle(track), place, atol=2))


def box_about(x: float, y: float) -> list[float]:
    return [x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2]


def write(clip: Path, edits: dict[str, Any]) -> Path:
    path = clip.with_name("edits.json")
    path.write_text(json.dumps(edits))
    return path


def test_a_missed_face_is_followed_from_one_box(clip: Path) -> None:
    edits = {"version": 1, "add": [{"follow": True, "boxes": [{"seconds": 4 / RATE, "box": box_about(*missed_at(4))}]}]}
    images, audit = run(clip, edits=write(clip, edits))
    assert bare(images, None) == [0, 1, 2, 3]
    assert (audit["tracks"][3]["frames_by_hand"], audit["tracks"][3]["frames_followed"]) == (1, FRAMES - 5)
    # Another edit on top: what was followed is not followed again, and stays the same.
    images, last = run(clip, from_audit=clip.with_name("clip_anonymized.audit.json"), only_face=("0,128,72",))
    assert [bare(images, place) for place in (LEFT, RIGHT, FALSE, None)] == [ALL, [], ALL, [0, 1, 2, 3]]
    assert last["tracks"][3] == audit["tracks"][3]
    # An edits file takes the place of all edits before it.
    images, _ = run(clip, from_audit=clip.with_name("clip_anonymized.audit.json"), edits=write(clip, {"version": 1}))
    assert [bare(images, place) for place in (LEFT, RIGHT, FALSE, None)] == [[], [], [], ALL]


def test_frames_that_were_not_examined_are_shown_only_where_an_edit_says_so(clip: Path, surveys: dict[str, Any]) -> None:
    def failing(number: int) -> Sequence[Detection]:
        if number in (5, 9):
            raise OSError("the model is gone")
        return found(number)

    surveys["script"] = failing
    logging.disable(logging.WARNING)
    try:
        images, _ = run(clip, on_detector_failure="mosaic", keep_face=("1",))
        hidden = [number for number in ALL if not bare(images[number : number + 1], LEFT)]
        assert hidden == [5, 9]
        edits = {"version": 1, "keep": [{"track": 1}], "show_unexamined": [{"start": 5 / RATE, "end": 5 / RATE}]}
        images, audit = run(clip, on_detector_failure="mosaic", edits=write(clip, edits))
    finally:
        logging.disable(logging.NOTSET)
    assert [number for number in ALL if not bare(images[number : number + 1], LEFT)] == [9]
    assert bare(images, RIGHT) == [], "the tracks are covered in it"
    assert [(part["first_frame"], part["last_frame"]) for part in audit["unexamined_shown"]] == [(5, 5)]


def test_an_audit_is_refused_for_another_input_or_other_frames(clip: Path, tmp_path: Path) -> None:
    _, audit = run(clip)
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(audit))
    refused = call(anonymize, [clip], overwrite=True, from_audit=path, end=0.4)
    assert isinstance(refused.inputs[0].error, PrivacyError)
    with clip.open("ab") as file:
        file.write(b"\0")
    changed = call(anonymize, [clip], overwrite=True, from_audit=path)
    assert isinstance(changed.inputs[0].error, ConfigError)
    assert "audit.json" in changed.inputs[0].error.message
    audit["tracks"][0]["spans"][0][0]["box"][0] += 1
    path.write_text(json.dumps(audit))
    with pytest.raises(ConfigError, match="changed"):
        call(anonymize, [clip], from_audit=path)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"keep_face": ("9",)}, "no track 9"),
        ({"drop_face": ("0,5,140",)}, r"no face is at \(5, 140\)"),
        ({"keep_face": ("9:00,1,1",)}, "no frame at 540 s"),
        ({"keep_face": ("1",), "drop_face": ("1",)}, "both keep and drop"),
        ({"keep_face": ("1",), "only_face": ("1",)}, "both keep and only"),
    ],
)
def test_edits_that_cannot_be_applied_end_the_input_before_anything_is_written(clip: Path, options: dict[str, Any], named: str) -> None:
    result = call(anonymize, [clip], **options)
    error = result.inputs[0].error
    assert isinstance(error, ConfigError)
    assert error.hint
    with pytest.raises(ConfigError, match=named):
        raise error
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mkv"]


@pytest.mark.parametrize(
    ("options", "named"), [({"keep_face": ("left",)}, "'left'"), ({"edits": Path("missing.json")}, "missing.json"), ({"from_audit": Path("x")}, "x")]
)
def test_edits_that_cannot_be_read_end_the_run(clip: Path, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        call(anonymize, [clip], **options)


def test_corrections_are_about_one_input(clip: Path, original: Path) -> None:
    with pytest.raises(ConfigError, match="one input"):
        call(anonymize, [clip, original], keep_face=("1",), output=clip.with_name("safe"))
