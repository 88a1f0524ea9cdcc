"""What single frames show while the form is being filled in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from p3mvideo.engine import LoadedEngine
from p3mvideo.errors import SourceError
from p3mvideo.frame import Pixels, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.studio import preview
from p3mvideo.studio.forms import read
from p3mvideo.studio.library import StudioFile
from p3mvideo.studio.preview import Previews, View
from tests.io.media import make_video


def _everybody(images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
    return [Matte(np.ones((1, 64, 64), np.float32)) for _ in images]


@pytest.fixture
def previews(own_cache: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Previews]:
    monkeypatch.setattr(preview, "load_engine", lambda options: LoadedEngine(_everybody, "cpu", "everybody"))
    made = Previews()
    yield made
    made.close()


def _shown(previews: Previews, path: Path, view: View, options: dict[str, Any]) -> np.ndarray:
    groups = read("process", options, str)
    encoded = previews.image(StudioFile("a", path.name, path, "path"), 0.0, groups, view, width=0)
    return np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)).astype(int)


def test_an_hdr_clip_is_seen_as_it_is_and_as_a_run_would_make_it(previews: Previews, tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", frames=3, codec="libx265", pixel_format="yuv420p10le", matrix=9, primaries=9, transfer=18)
    assert _shown(previews, path, "original", {}).shape == (48, 64, 3)
    with pytest.raises(SourceError, match="HDR"):
        _shown(previews, path, "result", {"faces": {"anonymize": "off"}})
    options = {"faces": {"anonymize": "off"}, "reading": {"hdr": "tonemap"}, "background": {"background": "white"}}
    assert np.abs(_shown(previews, path, "result", options) - _shown(previews, path, "original", options)).mean() < 4


@pytest.mark.usefixtures("cached_face_models")
def test_the_subject_who_is_to_be_shown_is_shown(previews: Previews, grace_hopper: UInt8Array, tmp_path: Path) -> None:
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), cv2.cvtColor(grace_hopper, cv2.COLOR_RGB2BGR))
    shown, hidden, subject = (
        _shown(previews, path, "result", {"background": {"background": "white"}, "faces": faces})
        for faces in ({"anonymize": "off"}, {"anonymize": "output"}, {"anonymize": "output", "keep_subject": True})
    )
    assert np.abs(hidden - shown).max() > 60
    assert np.abs(subject - shown).max() < 25  # by JPEG alone
