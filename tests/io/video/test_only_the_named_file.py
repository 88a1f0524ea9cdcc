"""Files that name others, by content or by their own name, are refused before anything else is opened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3mvideo.errors import SourceError
from p3mvideo.io.video.read.source import VideoSource
from tests.io.media import make_video


def endless_playlist(folder: Path) -> Path:
    (folder / "live.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nother.ts\n")
    return folder / "live.m3u8"


def playlist(folder: Path) -> Path:
    (folder / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n")
    return folder / "list.m3u8"


def concatenation(folder: Path) -> Path:
    (folder / "list.ffconcat").write_text("ffconcat version 1.0\nfile other.mp4\n")
    return folder / "list.ffconcat"


def vobsub(folder: Path) -> Path:
    shutil.copy(folder / "other.mp4", folder / "list.sub")
    text = "# VobSub index file, v7 (do not modify this line!)\nsize: 720x576\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 000000000\n"
    (folder / "list.idx").write_text(text)
    return folder / "list.idx"


def pattern(folder: Path) -> Path:
    for name in ("im_001.ppm", "im_002.ppm", "im_%03d.ppm"):
        Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(folder / name, "PPM")
    return folder / "im_%03d.ppm"


def dash(folder: Path) -> Path:
    (folder / "list.mpd").write_text(
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet '
        'mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>other.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>'
    )
    return folder / "list.mpd"


def session_description(folder: Path) -> Path:
    (folder / "list.sdp").write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 26\n")
    return folder / "list.sdp"


NAMING_OTHERS = [endless_playlist, playlist, concatenation, vobsub, pattern, dash, session_description]


@pytest.mark.parametrize("make", NAMING_OTHERS, ids=lambda make: make.__name__)
def test_a_file_that_names_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Path]) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "other.mp4", frames=4)
    make_video(tmp_path / "other.ts", frames=4)
    path = make(tmp_path)
    with pytest.raises(SourceError, match="holds no readable media") as caught, VideoSource(path):
        pass
    assert caught.value.hint


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.mov", "a.webm", "a.gif", "a.flv", "a.nut", "100%05d.mp4"])
def test_a_file_that_holds_its_media_is_opened_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    codec = {".webm": "libvpx-vp9", ".gif": "gif"}.get(Path(name).suffix, "libx264")
    path = make_video(tmp_path / name, frames=4, codec=codec, pixel_format="rgb8" if codec == "gif" else "yuv420p")
    for called in (path, path.with_suffix(".bin")):
        if called != path:
            path.rename(called)
        with VideoSource(called) as source:
            assert sum(1 for _ in source) == 4
