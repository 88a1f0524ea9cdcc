"""What `process` does with faces: one test for each option."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from p3mvideo.app.process import run as module
from p3mvideo.app.process.run import process
from p3mvideo.engine import LoadedEngine
from p3mvideo.engine.image_batch import host_array
from p3mvideo.errors import ConfigError, PrivacyError
from p3mvideo.frame import Pixels, UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.matte import Matte
from p3mvideo.privacy import make_anonymizer as making
from p3mvideo.privacy.detection import Detection
from tests.harness.flat_options import call
from tests.io.media import make_video
from tests.privacy.fakes import ScriptedSearch, face_at

WIDTH, HEIGHT, FRAMES = 256, 144, 4
SUBJECT, BYSTANDER = (slice(52, 92), slice(60, 100)), (slice(60, 84), slice(188, 212))
"""Faces of 40 and 24 px about (80, 72) and (200, 72)."""
INNER_HALVES = (slice(62, 82), slice(70, 90)), (slice(66, 78), slice(194, 206))
"""Of these faces; the network may see their corners."""


def both(_: int) -> list[Detection]:
    return [face_at(80, 72, 40, 0.9), face_at(200, 72, 24, 0.6)]


def failing(n: int) -> list[Detection]:
    if n == 2:
        raise OSError("the model is gone")
    return both(n)


class EverybodyEngine:
    """Takes the whole image for the person, and keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[UInt8Array] = []

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        self.seen += [host_array(image).copy() for image in images]
        return [Matte(torch.ones(1, HEIGHT // 2, WIDTH // 2)) for _ in images]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> EverybodyEngine:
    """A network that is fooled by everything, behind `process`."""
    fake = EverybodyEngine()
    monkeypatch.setattr(module, "load_engine", lambda *_, **__: LoadedEngine(fake, "cpu", "everybody"))
    return fake


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, engine: EverybodyEngine, tmp_path: Path) -> Callable[..., list[UInt8Array]]:
    """Process a clip with two faces, which a script finds, and return what was written."""
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    checks = (np.indices((HEIGHT, WIDTH)).sum(axis=0) // 4 % 2 * 255).astype(np.uint8)
    for face in (SUBJECT, BYSTANDER):
        image[face] = checks[face][..., None]
    clip = make_video(
        tmp_path / "clip.mkv", frames=FRAMES, images=[image] * FRAMES, codec="ffv1", pixel_format="bgr0",
        metadata={"artist": "Jane Doe"}, chapters=[(0, 0.1, "Jane Doe speaks")],
    )  # fmt: skip

    def run_it(script: Callable[[int], list[Detection]] = both, **options: Any) -> list[UInt8Array]:
        def search(detector: object, *, thresh: float, **_: object) -> ScriptedSearch:
            return ScriptedSearch(lambda n: [face for face in script(n) if face.score >= thresh])

        monkeypatch.setattr(making, "FaceDetector", lambda **_: None)
        monkeypatch.setattr(making, "StreamSearch", search)
        monkeypatch.setattr(making, "check_models", lambda *_, **__: None)
        monkeypatch.setattr(module, "check_models", lambda *_, **__: None)
        given = {"anonymize": "output", "smoothing": "off", "background": "white", "codec": "ffv1", **options}
        result = call(process, [clip], output=tmp_path / "out.mkv", overwrite=True, **given)
        for done in result.inputs:
            if done.error is not None:
                raise done.error
        with VideoSource(tmp_path / "out.mkv") as source:
            return [frame.interleaved().copy() for frame in source]

    return run_it


Run = Callable[..., list[UInt8Array]]


def bare(image: UInt8Array) -> list[bool]:
    """Return whether subject and bystander can be seen."""
    return [float(image[face].astype(float).std(axis=(0, 1)).max()) > 60 for face in INNER_HALVES]


def changed(image: UInt8Array) -> int:
    """Return how many pixels of the plain ground are covered."""
    plain = np.ones((HEIGHT, WIDTH), bool)
    plain[SUBJECT] = plain[BYSTANDER] = False
    return int((np.abs(image.astype(int) - 120).max(axis=2) > 8)[plain].sum())


def test_the_check_itself_sees_the_faces(run: Run) -> None:
    assert [bare(image) for image in run(anonymize="off")] == [[True, True]] * FRAMES


def test_only_the_subject_is_shown_and_the_network_sees_nobody(run: Run, engine: EverybodyEngine) -> None:
    assert [bare(image) for image in run()] == [[False, False]] * FRAMES
    hidden = engine.seen.copy()
    engine.seen.clear()
    assert [bare(image) for image in run(keep_subject=True)] == [[True, False]] * FRAMES
    assert [bare(image) for image in engine.seen] == [[False, False]] * FRAMES
    assert all((image == other).all() for image, other in zip(engine.seen, hidden, strict=True))


@pytest.mark.parametrize(("mode", "script", "code"), [("output", both, 0), ("output", lambda n: [], 5), ("input", lambda n: [], 0)])
def test_the_report_says_what_was_done_about_faces(run: Run, tmp_path: Path, mode: str, script: Callable[[int], list[Detection]], code: int) -> None:
    run(script, anonymize=mode, report=tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["exit_code"] == code
    faces = report["inputs"][0]["faces"]
    if mode == "input":
        assert faces is None
        return
    assert (faces["frames"], faces["none_found"]) == (FRAMES, code == 5)
    assert (faces["faces"], faces["weakest_score"], faces["weakest_seconds"]) == ((2, 0.6, 0.0) if code == 0 else (0, None, None))


@pytest.mark.parametrize("mode", ["input", "off"])
def test_the_subject_is_kept_from_what_is_hidden_only(run: Run, engine: EverybodyEngine, mode: str) -> None:
    with pytest.raises(ConfigError, match="keep_subject needs anonymize output"):
        run(anonymize=mode, keep_subject=True)
    assert not engine.seen


def test_a_threshold_says_what_is_a_face(run: Run) -> None:
    assert [bare(image) for image in run(threshold=0.8)] == [[False, True]] * FRAMES


def test_a_larger_mask_covers_more(run: Run) -> None:
    areas = [changed(run(replace_with="solid:#ff0000", mask_scale=scale)[0]) for scale in (1.0, 1.3, 2.0)]
    assert areas == sorted(set(areas))


def test_what_faces_are_replaced_with(run: Run, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "green.png"), np.full((8, 8, 3), (0, 200, 0), np.uint8))
    middles = {name: run(replace_with=name)[0][72, 80].tolist() for name in ("solid", str(tmp_path / "green.png"))}
    assert np.abs(np.array(list(middles.values())) - [(118, 118, 118), (0, 200, 0)]).max() <= 3


def test_squares_of_a_mosaic_are_as_large_as_asked_for(run: Run) -> None:
    borders = []
    for size in (12, 30):
        row = run(replace_with="mosaic", mosaic_size=size)[0][72, 62:98].astype(int)
        borders.append(int((np.abs(np.diff(row, axis=0)).max(axis=1) > 1).sum()))
    assert borders[0] >= borders[1]
    assert borders[0] <= 4


def test_a_frame_that_cannot_be_examined_ends_the_input_or_becomes_a_mosaic(run: Run, tmp_path: Path) -> None:
    with pytest.raises(PrivacyError, match="the model is gone"):
        run(failing)
    assert not (tmp_path / "out.mkv").exists()
    images = run(failing, on_detector_failure="mosaic", keep_subject=True)
    assert [bare(image) for image in images] == [[True, False], [True, False], [False, False], [True, False]]


@pytest.mark.parametrize(
    ("options", "named"),
    [({"threshold": 1.5}, "threshold"), ({"mask_scale": 0.5}, "mask_scale"), ({"replace_with": "smudge"}, "smudge"),
     ({"mosaic_size": 0}, "mosaic_size"), ({"on_detector_failure": "ignore"}, "on_detector_failure")],
)  # fmt: skip
def test_options_that_make_no_sense_are_named(run: Run, engine: EverybodyEngine, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        run(**options)
    assert not engine.seen


@pytest.mark.parametrize(("options", "named"), [({}, False), ({"keep_metadata": True}, True), ({"anonymize": "off"}, True)])
def test_who_is_hidden_is_not_named_either(run: Callable[..., list[UInt8Array]], tmp_path: Path, options: dict[str, Any], named: bool) -> None:
    run(**options)
    assert (b"Jane Doe" in (tmp_path / "out.mkv").read_bytes()) == named
