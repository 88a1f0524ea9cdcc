"""What every source and every sink of the program keeps to."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from p3mvideo.errors import P3MVideoError, SinkError, SourceError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.images.file import encode_image
from p3mvideo.io.images.sequence_sink import SequenceSink
from p3mvideo.io.images.sequence_source import SequenceSource
from p3mvideo.io.images.sink import ImageSink
from p3mvideo.io.images.source import ImageSource
from p3mvideo.io.pipes.sink import PipeSink
from p3mvideo.io.pipes.source import PipeSource
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.io.video.write.sink import VideoSink
from p3mvideo.stages import FrameSink, FrameSource
from tests.io.media import frames_for, info_of, make_video, moving_image

SIZE = (38, 26)


@dataclass(frozen=True)
class SourceCase:
    """A kind of source: how to make one, how many frames it has, and one that cannot be read."""

    make: Callable[[Path], FrameSource]
    frames: int
    make_bad: Callable[[Path], FrameSource]


def image_data(index: int = 0) -> bytes:
    return encode_image(moving_image(index, *SIZE), Path("a.png"))


def image(folder: Path) -> FrameSource:
    (folder / "a.png").write_bytes(image_data())
    return ImageSource(folder / "a.png")


def sequence(folder: Path) -> FrameSource:
    for number in range(4):
        (folder / f"frame_{number:03d}.png").write_bytes(image_data(number))
    return SequenceSource(folder / "frame_%03d.png", rate=Fraction(10))


def y4m(folder: Path) -> FrameSource:
    return PipeSource(io.BytesIO(make_video(folder / "a.y4m", frames=4, size=SIZE, codec="rawvideo").read_bytes()))


def raw(folder: Path) -> FrameSource:
    data = b"".join(moving_image(index, *SIZE).tobytes() for index in range(4))
    return PipeSource(io.BytesIO(data), size=SIZE, rate=Fraction(25), pixel_format="rgb24")


SOURCES = {
    "video": SourceCase(lambda folder: VideoSource(make_video(folder / "a.mp4", frames=4, size=SIZE)), 4, lambda f: VideoSource(f / "x.mp4")),
    "image": SourceCase(image, 1, lambda folder: ImageSource(folder / "x.png")),
    "sequence": SourceCase(sequence, 4, lambda folder: SequenceSource(folder / "x_%d.png")),
    "pipe of an image": SourceCase(lambda folder: PipeSource(io.BytesIO(image_data())), 1, lambda f: PipeSource(io.BytesIO(b""))),
    "pipe of y4m": SourceCase(y4m, 4, lambda folder: PipeSource(io.BytesIO(b"YUV4MPEG2 W9\n"))),
    "pipe of raw video": SourceCase(raw, 4, lambda f: PipeSource(io.BytesIO(b""), size=SIZE, rate=Fraction(9), pixel_format="rgb24")),
}  # fmt: skip


@pytest.fixture(params=SOURCES.values(), ids=list(SOURCES))
def source_case(request: pytest.FixtureRequest) -> SourceCase:
    case = request.param
    assert isinstance(case, SourceCase)
    return case


class TestSource:
    def test_is_a_source(self, tmp_path: Path, source_case: SourceCase) -> None:
        with source_case.make(tmp_path) as source:
            assert isinstance(source, FrameSource)

    def test_frames_are_what_info_says(self, tmp_path: Path, source_case: SourceCase) -> None:
        with source_case.make(tmp_path) as source:
            frames = list(source)
            info = source.info
        assert len(frames) == source_case.frames
        assert info.frames in (None, source_case.frames)
        assert {(frame.width, frame.height) for frame in frames} == {(info.width, info.height)} == {SIZE}
        assert not info.live

    def test_frames_are_rgb_on_the_cpu_without_a_copy(self, tmp_path: Path, source_case: SourceCase) -> None:
        with source_case.make(tmp_path) as source:
            for frame in source:
                pixels = frame.interleaved()
                assert pixels.shape == (SIZE[1], SIZE[0], 3)
                assert pixels.__array_interface__["data"][0] == frame.image.data_ptr()
                assert pixels.flags.writeable

    def test_the_first_image_is_the_one_that_was_stored(self, tmp_path: Path, source_case: SourceCase) -> None:
        with source_case.make(tmp_path) as source:
            frame = next(iter(source))
        assert np.abs(frame.interleaved().astype(int) - moving_image(0, *SIZE)).mean() < 8

    def test_times_increase(self, tmp_path: Path, source_case: SourceCase) -> None:
        with source_case.make(tmp_path) as source:
            frames = list(source)
        assert frames[0].pts == 0
        assert all(later.seconds > frame.seconds for frame, later in itertools.pairwise(frames))
        assert len({frame.time_base for frame in frames}) == 1

    def test_frames_keep_their_pixels_when_the_next_ones_come(self, tmp_path: Path, source_case: SourceCase) -> None:
        with source_case.make(tmp_path) as source:
            pairs = [(frame, frame.interleaved().copy()) for frame in source]
        assert all(np.array_equal(frame.interleaved(), copy) for frame, copy in pairs)

    def test_undamaged_input_has_no_damage(self, tmp_path: Path, source_case: SourceCase) -> None:
        with source_case.make(tmp_path) as source:
            list(source)
            assert getattr(source, "damaged", None) == ()

    def test_leaving_the_context_midway_ends_the_iteration(self, tmp_path: Path, source_case: SourceCase) -> None:
        with source_case.make(tmp_path) as source:
            frames = iter(source)
            next(frames)
        assert list(frames) == []

    def test_what_cannot_be_read_is_a_source_error_with_a_hint(self, tmp_path: Path, source_case: SourceCase) -> None:
        with pytest.raises(SourceError) as caught, source_case.make_bad(tmp_path) as source:
            list(source)
        assert caught.value.hint

    def test_info_is_valid_inside_the_context_only(self, tmp_path: Path, source_case: SourceCase) -> None:
        with pytest.raises(ValueError, match="inside its context"):
            _ = source_case.make(tmp_path).info


@dataclass(frozen=True)
class SinkCase:
    """A kind of sink: how to make one of frames like those of `info`, and where its output is afterwards."""

    make: Callable[[Path, StreamInfo, bool], FrameSink]
    output: str
    single: bool = False


SINKS = {
    "video": SinkCase(lambda folder, info, over: VideoSink(folder / "a.mp4", info, overwrite=over), "a.mp4"),
    "image": SinkCase(lambda folder, info, over: ImageSink(folder / "a.png", overwrite=over), "a.png", single=True),
    "sequence": SinkCase(lambda folder, info, over: SequenceSink(folder / "frames", info, overwrite=over), "frames"),
}


@pytest.fixture(params=SINKS.values(), ids=list(SINKS))
def sink_case(request: pytest.FixtureRequest) -> SinkCase:
    case = request.param
    assert isinstance(case, SinkCase)
    return case


def some_frames(case: SinkCase | None = None) -> list[Frame]:
    return frames_for([moving_image(index, *SIZE) for index in range(1 if case is not None and case.single else 4)])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestSink:
    def test_is_a_sink(self, tmp_path: Path, sink_case: SinkCase) -> None:
        sink = sink_case.make(tmp_path, info_of(some_frames()), False)
        assert isinstance(sink, FrameSink)
        sink.close()

    def test_output_appears_complete_and_only_at_the_end(self, tmp_path: Path, sink_case: SinkCase) -> None:
        frames = some_frames(sink_case)
        sink = sink_case.make(tmp_path, info_of(frames), False)
        for frame in frames:
            sink.write(frame)
            (part,) = names(tmp_path)
            assert part.startswith(f"{sink_case.output}.")
            assert part.endswith(".part")
        sink.finish()
        sink.close()
        assert names(tmp_path) == [sink_case.output]

    def test_closing_without_finishing_leaves_nothing(self, tmp_path: Path, sink_case: SinkCase) -> None:
        frames = some_frames(sink_case)
        sink = sink_case.make(tmp_path, info_of(frames), False)
        sink.write(frames[0])
        sink.close()
        assert names(tmp_path) == []

    def test_closing_again_and_after_finishing_does_nothing(self, tmp_path: Path, sink_case: SinkCase) -> None:
        frames = some_frames(sink_case)
        sink = sink_case.make(tmp_path, info_of(frames), False)
        for frame in frames:
            sink.write(frame)
        sink.finish()
        for _ in range(3):
            sink.close()
        assert names(tmp_path) == [sink_case.output]

    def test_finishing_without_a_frame_is_an_error(self, tmp_path: Path, sink_case: SinkCase) -> None:
        sink = sink_case.make(tmp_path, info_of(some_frames()), False)
        with pytest.raises(SinkError, match="no frame"):
            sink.finish()
        sink.close()
        assert names(tmp_path) == []

    def test_what_exists_is_kept(self, tmp_path: Path, sink_case: SinkCase) -> None:
        (tmp_path / sink_case.output).write_text("precious")
        with pytest.raises(SinkError, match="exists already") as caught:
            sink_case.make(tmp_path, info_of(some_frames()), False)
        assert "--overwrite" in caught.value.hint
        assert (tmp_path / sink_case.output).read_text() == "precious"
        assert names(tmp_path) == [sink_case.output]

    def test_what_appears_meanwhile_is_kept(self, tmp_path: Path, sink_case: SinkCase) -> None:
        frames = some_frames(sink_case)
        sink = sink_case.make(tmp_path, info_of(frames), False)
        for frame in frames:
            sink.write(frame)
        (tmp_path / sink_case.output).write_text("precious")
        with pytest.raises(SinkError, match="exists already"):
            sink.finish()
        sink.close()
        assert (tmp_path / sink_case.output).read_text() == "precious"
        assert names(tmp_path) == [sink_case.output]

    def test_overwriting_replaces_at_the_end(self, tmp_path: Path, sink_case: SinkCase) -> None:
        frames = some_frames(sink_case)
        for _ in range(2):
            sink = sink_case.make(tmp_path, info_of(frames), True)
            for frame in frames:
                sink.write(frame)
            sink.finish()
            sink.close()
        assert names(tmp_path) == [sink_case.output]

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_second_run_into_one_output_is_refused_and_the_first_is_whole(self, tmp_path: Path, sink_case: SinkCase, overwrite: bool) -> None:
        frames = some_frames(sink_case)
        first = sink_case.make(tmp_path, info_of(frames), overwrite)
        first.write(frames[0])
        with pytest.raises(SinkError, match="is being written by another run") as caught:
            sink_case.make(tmp_path, info_of(frames), overwrite)
        assert caught.value.hint
        for frame in frames[1:]:
            first.write(frame)
        first.finish()
        first.close()
        assert names(tmp_path) == [sink_case.output]
        again = sink_case.make(tmp_path, info_of(frames), True)
        again.close()
        assert names(tmp_path) == [sink_case.output]

    @pytest.mark.parametrize("kind", ["file", "link", "folder"])
    def test_what_is_called_like_a_part_is_the_user_s(self, tmp_path: Path, sink_case: SinkCase, kind: str) -> None:
        own, precious = tmp_path / f"{sink_case.output}.part", tmp_path / "precious.png"
        precious.write_text("precious")
        if kind == "file":
            own.write_text("precious")
        elif kind == "link":
            own.symlink_to(precious)
        else:
            own.mkdir()
            (own / "own.png").write_text("precious")
        frames = some_frames(sink_case)
        sink = sink_case.make(tmp_path, info_of(frames), False)
        for frame in frames:
            sink.write(frame)
        sink.finish()
        sink.close()
        assert names(tmp_path) == sorted([sink_case.output, own.name, precious.name])
        assert (own / "own.png" if kind == "folder" else own).read_text() == "precious"
        assert precious.read_text() == "precious"

    def test_a_missing_folder_is_found_before_the_first_frame(self, tmp_path: Path, sink_case: SinkCase) -> None:
        with pytest.raises(SinkError, match="does not exist") as caught:
            sink_case.make(tmp_path / "missing", info_of(some_frames()), False)
        assert "create" in caught.value.hint

    def test_a_file_for_a_folder_is_found_before_the_first_frame(self, tmp_path: Path, sink_case: SinkCase) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(SinkError, match="not a folder"):
            sink_case.make(tmp_path / "file", info_of(some_frames()), False)

    def test_a_read_only_folder_is_found_before_the_first_frame(self, tmp_path: Path, sink_case: SinkCase, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("os.access", lambda path, mode: False)
        with pytest.raises(SinkError, match="read-only") as caught:
            sink_case.make(tmp_path, info_of(some_frames()), False)
        assert caught.value.hint

    def test_a_full_disk_is_found_before_the_first_frame(self, tmp_path: Path, sink_case: SinkCase, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
        with pytest.raises(SinkError, match="are free") as caught:
            sink_case.make(tmp_path, info_of(some_frames()), False)
        assert "free some space" in caught.value.hint
        assert names(tmp_path) == []

    def test_frames_of_another_kind_are_a_caller_s_mistake(self, tmp_path: Path, sink_case: SinkCase) -> None:
        sink = sink_case.make(tmp_path, info_of(some_frames()), False)
        with pytest.raises(ValueError, match="expected a frame"):
            sink.write(frames_for([np.zeros((SIZE[1], SIZE[0], 4), np.uint8)])[0])
        sink.close()
        assert names(tmp_path) == []


@pytest.mark.parametrize("form", ["y4m", "rawvideo", "png"])
def test_pipe_sink_keeps_to_the_contract_as_far_as_a_pipe_can(form: str) -> None:
    stream, frames = io.BytesIO(), some_frames()
    sink = PipeSink(info_of(frames), stream=stream, form=form)  # type: ignore[arg-type]
    assert isinstance(sink, FrameSink)
    with pytest.raises(P3MVideoError, match="no frame"):
        sink.finish()
    for frame in frames:
        sink.write(frame)
    sink.finish()
    for _ in range(2):
        sink.close()
    assert stream.getvalue()
    with pytest.raises(ValueError, match="closed"):
        sink.write(frames[0])
