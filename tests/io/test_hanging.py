"""A source or sink in which a thread hangs is released in time all the same."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import av
import pytest

from p3mvideo.frame import Frame
from p3mvideo.io.video.read.decoded_source import DecodedSource
from p3mvideo.io.video.write.sink import VideoSink
from tests.io.media import frames_for, info_of, make_video, moving_image


class Stuck(io.BytesIO):
    """A file whose reading hangs, when it is told to, until `release`."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.hangs, self.engaged, self.release = False, threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        if self.hangs:
            self.engaged.set()
            self.release.wait()
        return super().read(size)


def test_leaving_a_source_does_not_wait_for_a_read_that_hangs(tmp_path: Path) -> None:
    path = make_video(tmp_path / "in.mkv", frames=60, size=(320, 240), codec="ffv1", pixel_format="bgr0")
    file = Stuck(path.read_bytes())
    source = DecodedSource(lambda: av.open(file, "r"), "stuck", is_cut_short=lambda _: False, threads=1)
    frames: list[Frame] = []
    with source:
        iterator = iter(source)
        frames.append(next(iterator))
        file.hangs = True
        thread = threading.Thread(target=lambda: frames.extend(iterator), daemon=True)
        thread.start()
        assert file.engaged.wait(60)
    assert thread.is_alive()
    file.release.set()
    thread.join(60)
    assert not thread.is_alive(), "once the read comes back, the thread ends"
    assert len(frames) < 60


def test_closing_a_sink_does_not_wait_for_a_write_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = frames_for([moving_image(index, 64, 48) for index in range(4)])
    sink = VideoSink(tmp_path / "out.mp4", info_of(frames))
    sink.write(frames[0])
    engaged, release = threading.Event(), threading.Event()
    assert sink._video is not None
    encode = sink._video.encode

    def hang(frame: Frame, pts: int) -> object:
        engaged.set()
        release.wait()
        return encode(frame, pts)

    monkeypatch.setattr(sink._video, "encode", hang)
    thread = threading.Thread(target=sink.write, args=(frames[1],), daemon=True)
    thread.start()
    assert engaged.wait(60)
    sink.close()  # or this test does not end
    sink.close()
    assert list(tmp_path.iterdir()) == [], "nothing is left, whatever the thread still does"
    release.set()
    thread.join(60)
    assert not thread.is_alive()
    assert list(tmp_path.iterdir()) == []
