"""Options for faces in a live run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from p3mvideo.app.live.quality.quality_ladder import Rung
from p3mvideo.app.live.stage_factory import DefaultStageFactory
from p3mvideo.app.webcam import webcam
from p3mvideo.errors import ConfigError
from p3mvideo.frame import Frame
from p3mvideo.options import FaceOptions
from p3mvideo.privacy import make_anonymizer as making
from tests.harness.flat_options import call
from tests.io.media import make_video
from tests.privacy.fakes import ScriptedSearch, face_at, frame


@pytest.mark.parametrize(
    ("options", "named"),
    [({"keep_subject": True}, "keep_subject"), ({"threshold": 0.0}, "threshold"), ({"replace_with": "smudge"}, "smudge")],
)
def test_options_that_make_no_sense_are_named_before_anything_is_shown(tmp_path: Path, options: dict[str, Any], named: str) -> None:
    clip = make_video(tmp_path / "clip.mp4", frames=2)
    with pytest.raises(ConfigError, match=named):
        call(
            webcam, camera=str(clip), settings={"anonymize": "input"}, preview=False, virtual_camera=False, record=tmp_path / "out.mp4",
            **options,
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_live_run_hides_faces_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "FaceDetector", lambda **_: None)
    monkeypatch.setattr(making, "StreamSearch", lambda *_, **__: ScriptedSearch(lambda n: [face_at(160, 120)]))
    parts = DefaultStageFactory(size=(320, 240), faces=FaceOptions(replace_with="solid", keep_subject=True))
    given: Frame = frame(0)
    for mode, offered in (("output", True), ("input", False)):
        anonymizer = parts.anonymizer(mode, Rung("all"))  # type: ignore[arg-type]
        (face,) = anonymizer(given)[1]
        x0, y0, x1, y1 = face.box
        assert face.shown is not None
        shown = face.shown[120 - y0, 160 - x0].tolist()
        assert shown == ([118, 118, 118] if mode == "output" else given.interleaved()[120, 160].tolist())
        assert (face.original is not None) == offered
        if face.original is not None:
            assert (face.original == given.interleaved()[y0:y1, x0:x1]).all()
        anonymizer.close()


@pytest.mark.parametrize(("scale", "asked", "expected"), [(1.0, 40, 40), (0.5, 40, 20), (0.5, 10, 8), (0.5, None, None)])
def test_in_smaller_pictures_faces_are_as_much_smaller(
    monkeypatch: pytest.MonkeyPatch, scale: float, asked: int | None, expected: int | None
) -> None:
    searched: list[int | None] = []

    def make(*_: Any, min_face_px: int | None, **__: Any) -> ScriptedSearch:
        searched.append(min_face_px)
        return ScriptedSearch(lambda n: [])

    monkeypatch.setattr(making, "FaceDetector", lambda **_: None)
    monkeypatch.setattr(making, "StreamSearch", make)
    parts = DefaultStageFactory(size=(320, 240), faces=FaceOptions(min_face=asked))
    parts.anonymizer("output", Rung("all", picture_scale=scale)).close()
    assert searched == [expected]
