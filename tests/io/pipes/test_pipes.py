"""What goes through pipes, and that waiting for it can be ended."""

from __future__ import annotations

import io
import itertools
import os
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np
import pytest
from PIL import Image

from p3mvideo.errors import ConfigError, DamagedInputError, SinkError, SourceError
from p3mvideo.frame import StreamInfo
from p3mvideo.io.pipes.reader import PipeReader
from p3mvideo.io.pipes.sink import PipeSink
from p3mvideo.io.pipes.source import PipeSource
from tests.io.media import CHART, chart, frames_for, info_of, moving_image, patches


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Both ends of a pipe, to read from and to write to."""
    reader, writer = os.pipe()
    with open(reader, "rb") as first, open(writer, "wb") as second:
        yield first, second


def through_pipe(form: str, size: tuple[int, int], pixel_format: str | None = None) -> bytes:
    stream = io.BytesIO()
    frames = frames_for([moving_image(index, *size) for index in range(3)])
    sink = PipeSink(info_of(frames), stream=stream, form=form, pixel_format=pixel_format)  # type: ignore[arg-type]
    for frame in frames:
        sink.write(frame)
    sink.finish()
    sink.close()
    return stream.getvalue()


@pytest.mark.parametrize("size", [(64, 48), (37, 21), (3, 3)])
def test_y4m_goes_through_and_back(size: tuple[int, int]) -> None:
    with PipeSource(io.BytesIO(through_pipe("y4m", size))) as source:
        frames = list(source)
        assert source.info.rate == 25
    assert [frame.seconds for frame in frames] == [Fraction(index, 25) for index in range(3)]
    for index, frame in enumerate(frames):
        wanted = moving_image(index, *size).astype(int)
        # Colours are halved in both directions, which is all that three by three pixels have.
        assert np.abs(frame.interleaved() - wanted).mean() < (8 if size[0] > 3 else 30)


@pytest.mark.parametrize("size", [(96, 64), (1280, 720)])
def test_y4m_keeps_colours(size: tuple[int, int]) -> None:
    stream = io.BytesIO()
    frames = frames_for([chart(*size)])
    sink = PipeSink(info_of(frames), stream=stream)
    sink.write(frames[0])
    sink.finish()
    stream.seek(0)
    with PipeSource(stream) as source:
        assert np.abs(patches(next(iter(source)).interleaved()).astype(int) - CHART).max() <= 4


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgr24", "yuv420p", "yuv444p"])
@pytest.mark.parametrize("size", [(64, 48), (37, 21)])
def test_raw_video_goes_through_and_back(pixel_format: str, size: tuple[int, int]) -> None:
    data = through_pipe("rawvideo", size, pixel_format)
    with PipeSource(io.BytesIO(data), size=size, rate=Fraction(30_000, 1001), pixel_format=pixel_format) as source:
        frames = list(source)
    assert [frame.seconds for frame in frames] == [index * Fraction(1001, 30_000) for index in range(3)]
    for index, frame in enumerate(frames):
        difference = np.abs(frame.interleaved().astype(int) - moving_image(index, *size))
        assert difference.mean() < 8
        assert difference.max() == 0 or "yuv" in pixel_format


@pytest.mark.parametrize("pixel_format", [None, "rgba", "bgra"])
def test_raw_video_with_alpha(pixel_format: str | None) -> None:
    image = np.dstack([moving_image(0, 8, 4), np.arange(32, dtype=np.uint8).reshape(4, 8)])
    stream = io.BytesIO()
    sink = PipeSink(StreamInfo(8, 4), stream=stream, form="rawvideo", pixel_format=pixel_format, alpha=True)
    sink.write(frames_for([image])[0])
    sink.finish()
    found = np.frombuffer(stream.getvalue(), np.uint8).reshape(4, 8, 4)
    assert np.array_equal(found[..., [2, 1, 0, 3]] if pixel_format == "bgra" else found, image)


def test_png_through_a_pipe_has_its_alpha() -> None:
    image = np.dstack([moving_image(0, 8, 4), np.arange(32, dtype=np.uint8).reshape(4, 8)])
    stream = io.BytesIO()
    sink = PipeSink(StreamInfo(8, 4), stream=stream, form="png", alpha=True)
    sink.write(frames_for([image])[0])
    sink.finish()
    assert np.array_equal(np.asarray(Image.open(stream)), image)


def test_other_programs_read_our_y4m() -> None:
    with av.open(io.BytesIO(through_pipe("y4m", (64, 48))), mode="r", format="yuv4mpegpipe") as container:
        assert container.streams.video[0].average_rate == 25
        assert len(list(container.decode(video=0))) == 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_image_is_recognized(form: str) -> None:
    stream = io.BytesIO()
    Image.fromarray(chart()).save(stream, form)
    stream.seek(0)
    with PipeSource(stream) as source:
        assert source.info == StreamInfo(96, 64, frames=1)
        assert len(list(source)) == 1


@pytest.mark.parametrize(
    "options",
    [{"size": (4, 4)}, {"rate": Fraction(25)}, {"pixel_format": "rgb24"}, {"size": (4, 4), "rate": Fraction(25)},
     {"size": (4, 4), "rate": Fraction(25), "pixel_format": "rgb25"}, {"size": (0, 4), "rate": Fraction(25), "pixel_format": "rgb24"}],
)  # fmt: skip
def test_raw_video_that_is_not_fully_described_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        PipeSource(io.BytesIO(b""), **options)  # type: ignore[arg-type]
    assert caught.value.hint


@pytest.mark.parametrize(("data", "message"), [(b"", "nothing came"), (b"MZ unknown stuff", "neither an image nor y4m")])
def test_an_unusable_stream_is_one_clear_error(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught, PipeSource(io.BytesIO(data)):
        pass
    assert caught.value.hint


@pytest.mark.parametrize("strict", [False, True])
def test_a_stream_cut_in_a_frame_gives_the_whole_ones(strict: bool) -> None:
    data = through_pipe("y4m", (64, 48))[:-100]
    if strict:
        with pytest.raises(DamagedInputError), PipeSource(io.BytesIO(data), strict=True) as source:
            list(source)
    else:
        with PipeSource(io.BytesIO(data)) as source:
            assert 2 <= len(list(source)) <= 3
            assert source.damaged


def test_frames_arrive_while_the_pipe_is_still_open(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe

    def feed() -> None:
        for index in range(30):
            writer.write(moving_image(index, 160, 120).tobytes())
        writer.flush()

    feeder = threading.Thread(target=feed)
    feeder.start()
    with PipeSource(reader, size=(160, 120), rate=Fraction(25), pixel_format="rgb24") as source:
        arrived = list(itertools.islice(source, 30))
        feeder.join(60)
    assert [frame.pts for frame in arrived] == list(range(30))


@pytest.mark.parametrize("sent", [b"", b"YUV4MPEG2 W64 H48 F25:1\nFRAME\n" + bytes(64 * 48 * 3 // 2)])
def test_waiting_for_a_silent_pipe_ends_when_the_context_is_left(pipe: tuple[BinaryIO, BinaryIO], sent: bytes) -> None:
    reader, writer = pipe
    writer.write(sent)
    writer.flush()
    source = PipeSource(reader)
    ended = threading.Event()

    def consume() -> None:
        try:
            with source:
                list(source)
        except SourceError:
            pass
        ended.set()

    consumer = threading.Thread(target=consume)
    consumer.start()
    time.sleep(0.3)
    assert not ended.is_set()
    source.__exit__(None, None, None)
    assert ended.wait(60)
    consumer.join(60)


def test_a_reader_that_goes_away_is_one_clear_error(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe
    reader.close()
    raw_writer = open(writer.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115
    frames = frames_for([moving_image(0, 64, 48)])
    sink = PipeSink(info_of(frames), stream=raw_writer)
    with pytest.raises(SinkError, match="reader of the pipe has gone"):
        sink.write(frames[0])
    sink.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "y4m", "alpha": True}, "cannot hold alpha"),
        ({"form": "y4m", "pixel_format": "rgb24"}, "does not apply"),
        ({"form": "rawvideo", "pixel_format": "yuv410p"}, "cannot be written"),
        ({"form": "rawvideo", "pixel_format": "rgb24", "alpha": True}, "cannot hold alpha"),
        ({"form": "y4m", "info": StreamInfo(4, 4)}, "steady rate"),
    ],
)
def test_what_a_pipe_cannot_hold_is_refused(options: dict[str, object], message: str) -> None:
    info = options.pop("info", StreamInfo(4, 4, Fraction(25)))
    with pytest.raises(ConfigError, match=message) as caught:
        PipeSink(info, stream=io.BytesIO(), **options)  # type: ignore[arg-type]
    assert caught.value.hint


def test_peeking_consumes_nothing() -> None:
    reader = PipeReader(io.BytesIO(b"0123456789"))
    assert (reader.peek(3), reader.peek(20), reader.read(4), reader.read()) == (b"012", b"0123456789", b"0123", b"456789")
    assert reader.read(5) == b""
