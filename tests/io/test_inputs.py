"""What arguments stand for, and which source or sink they get."""

from __future__ import annotations

import io
import os
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from p3mvideo.errors import ConfigError, SourceError
from p3mvideo.frame import StreamInfo
from p3mvideo.io.images.sequence_sink import SequenceSink
from p3mvideo.io.images.sequence_source import SequenceSource
from p3mvideo.io.images.sink import ImageSink
from p3mvideo.io.images.source import ImageSource
from p3mvideo.io.inputs import Input, expand_inputs, open_source
from p3mvideo.io.open_sink import can_hold_alpha, containers_with_alpha, halves_chroma, open_sink
from p3mvideo.io.pipes.sink import PipeSink
from p3mvideo.io.pipes.source import PipeSource
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.io.video.write.sink import VideoSink
from p3mvideo.options import ReadOptions
from tests.io.media import make_video

INFO = StreamInfo(64, 48, Fraction(25))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with media and other things, as the working folder."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 6)).save(stream, "PNG")
    video = make_video(tmp_path / "made.mp4", frames=2).read_bytes()
    for name in ("media/b.mp4", "media/deep/er/a.MOV", "media/.hidden/x.mp4", "media/sub.mkv/inside.webm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(video)
    for name in ("media/p.png", "media/deep/q.JPG", "numbered/f_001.png", "numbered/f_002.png", "odd[1].png", "image.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(stream.getvalue())
    (tmp_path / "media/notes.txt").write_text("notes")
    (tmp_path / "media/out.mp4.part").write_text("half")
    (tmp_path / "text.mp4").write_text("This is no video. " * 20)
    (tmp_path / "empty").mkdir()
    (tmp_path / "made.mp4").rename(tmp_path / "video.bin")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(*arguments: str) -> list[tuple[str, str, str]]:
    return [(item.path.as_posix(), item.kind, item.relative.as_posix()) for item in expand_inputs(arguments)]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["media/b.mp4"], [("media/b.mp4", "video", "b.mp4")]),
        (["video.bin"], [("video.bin", "video", "video.bin")]),
        (["image.mp4"], [("image.mp4", "image", "image.mp4")]),
        (["text.mp4"], [("text.mp4", "video", "text.mp4")]),
        (["odd[1].png"], [("odd[1].png", "image", "odd[1].png")]),
        (["-"], [("-", "pipe", "stdin")]),
        (["numbered/f_%03d.png"], [("numbered/f_%03d.png", "sequence", "f_%03d.png")]),
        (["numbered/*.png"], [("numbered/f_001.png", "image", "f_001.png"), ("numbered/f_002.png", "image", "f_002.png")]),
        (["media/**/*.MOV"], [("media/deep/er/a.MOV", "video", "deep/er/a.MOV")]),
        (["media/b.mp4", "media/*.mp4", "./media/b.mp4"], [("media/b.mp4", "video", "b.mp4")]),
        (
            ["media"],
            [
                ("media/b.mp4", "video", "b.mp4"), ("media/deep/er/a.MOV", "video", "deep/er/a.MOV"),
                ("media/deep/q.JPG", "image", "deep/q.JPG"), ("media/p.png", "image", "p.png"),
                ("media/sub.mkv/inside.webm", "video", "sub.mkv/inside.webm"),
            ],
        ),
    ],
)  # fmt: skip
def test_what_arguments_stand_for(tree: Path, arguments: list[str], wanted: list[tuple[str, str, str]]) -> None:
    assert listed(*arguments) == wanted


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("missing.mp4", "there is no missing.mp4"),
        ("empty", "no videos and no images"),
        ("media/*.avi", "no file matches"),
        ("numbered/g_%03d.png", "there is no image"),
        ("missing/f_%03d.png", "there is no image"),
    ],
)
def test_arguments_that_stand_for_nothing_are_errors_with_a_hint(tree: Path, argument: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        expand_inputs([argument])
    assert caught.value.hint


def test_no_argument_at_all_is_an_error() -> None:
    with pytest.raises(SourceError, match="no input"):
        expand_inputs([])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_refused_without_waiting_for_it(tree: Path) -> None:
    os.mkfifo(tree / "fifo.mp4")
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        expand_inputs(["fifo.mp4"])


@pytest.mark.parametrize(
    ("argument", "kind"),
    [("media/b.mp4", VideoSource), ("media/p.png", ImageSource), ("numbered/f_%03d.png", SequenceSource), ("-", PipeSource)],
)
def test_inputs_get_their_sources(tree: Path, argument: str, kind: type) -> None:
    assert type(open_source(expand_inputs([argument])[0])) is kind


def test_a_text_file_named_mp4_is_an_error_when_it_is_opened(tree: Path) -> None:
    with pytest.raises(SourceError, match=r"text\.mp4"), open_source(expand_inputs(["text.mp4"])[0]):
        pass


@pytest.mark.parametrize("argument", ["media/p.png", "-"])
def test_what_has_no_length_cannot_be_trimmed(tree: Path, argument: str) -> None:
    with pytest.raises(ConfigError, match="start and end"):
        open_source(expand_inputs([argument])[0], ReadOptions(start=1))


def test_options_reach_the_source(tree: Path) -> None:
    with open_source(expand_inputs(["numbered/f_%03d.png"])[0], ReadOptions(rate=5, start=0.2)) as source:
        assert [frame.seconds for frame in source] == [Fraction(1, 5)]
    raw = Input(Path("-"), "pipe", Path("stdin"))
    with pytest.raises(ConfigError, match="needs size, rate and pixel format"):
        open_source(raw, ReadOptions(size=(4, 4)))


@pytest.mark.parametrize(
    ("path", "kind"),
    [("a.mp4", VideoSink), ("a.MKV", VideoSink), ("a.png", ImageSink), ("f_%d.png", SequenceSink), ("folder", SequenceSink),
     ("-", PipeSink)],
)  # fmt: skip
def test_paths_get_their_sinks(tmp_path: Path, path: str, kind: type) -> None:
    target = path if path == "-" else tmp_path / "out" / path
    (tmp_path / "out").mkdir()
    if path == "f_%d.png":
        (tmp_path / "out").rmdir()
    sink = open_sink(target, INFO)
    assert type(sink) is kind
    sink.close()


def test_a_video_does_not_fit_into_a_image(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the input has 3 frames") as caught:
        open_sink(tmp_path / "a.png", StreamInfo(4, 4, frames=3))
    assert "frame_%05d.png" in caught.value.hint


def test_an_unknown_suffix_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a video nor an image") as caught:
        open_sink(tmp_path / "a.xyz", INFO)
    assert ".mp4" in caught.value.hint
    assert ".png" in caught.value.hint


@pytest.mark.parametrize(
    ("path", "codec", "wanted"),
    [
        ("a.mp4", None, False), ("a.mov", None, True), ("a.mov", "h264", False), ("a.mov", "prores", True), ("a.webm", None, True),
        ("a.mkv", None, True), ("a.mkv", "ffv1", True), ("a.mkv", "hevc", False), ("a.png", None, True), ("a.jpg", None, False),
        ("a.webp", None, True), ("frames", None, True), ("f_%05d.png", None, True), ("-", None, False), ("a.xyz", None, False),
    ],
)  # fmt: skip
def test_which_outputs_hold_alpha(path: str, codec: str | None, wanted: bool) -> None:
    assert can_hold_alpha(path, codec) is wanted


@pytest.mark.parametrize(
    ("path", "codec", "wanted"),
    [
        ("a.mp4", None, True), ("a.webm", None, True), ("a.mov", "prores", False), ("a.mkv", "ffv1", False), ("f_%05d.png", None, False),
        ("-", None, False),
    ],
)  # fmt: skip
def test_which_outputs_halve_chroma(path: str, codec: str | None, wanted: bool) -> None:
    assert halves_chroma(Path(path), codec) is wanted


def test_the_outputs_that_hold_alpha_are_named() -> None:
    for word in (".mov (prores)", ".webm (vp9)", ".mkv (vp9, ffv1, prores)", ".png", "frame_%05d.png"):
        assert word in containers_with_alpha()
