"""How the inputs of a run are opened."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from p3mvideo.app.batch.streams import Streams
from p3mvideo.io.inputs import Input
from p3mvideo.options import ReadOptions, WriteOptions
from tests.io.media import moving_image

FRAMES, CHANGES_AT, RATE = 60, 20, 5


def _growing_video(path: Path) -> Path:
    """Write a video whose images are twice as large from one on, as those of a call are when the line gets better."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mjpeg", rate=RATE, width=64, height=48)
        stream.pix_fmt = "yuvj420p"
        for first, last, factor in ((0, CHANGES_AT, 1), (CHANGES_AT, FRAMES, 2)):
            context = av.CodecContext.create("mjpeg", "w")
            assert isinstance(context, av.VideoCodecContext)
            context.width, context.height, context.pix_fmt, context.time_base = 64 * factor, 48 * factor, "yuvj420p", Fraction(1, RATE)
            for number in range(first, last):
                image = np.ascontiguousarray(moving_image(number, 64 * factor, 48 * factor))
                frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuvj420p")
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                for packet in context.encode(frame):
                    packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, RATE)
                    output.mux(packet)
    return path


@pytest.mark.parametrize(("start", "size"), [(None, (64, 48)), ("1", (64, 48)), ("6", (128, 96))])
def test_a_video_that_changes_its_size_has_one_wherever_it_is_entered(tmp_path: Path, start: str | None, size: tuple[int, int]) -> None:
    """What is found in a part that is entered behind the change must be at the places of the whole."""
    path = _growing_video(tmp_path / "a.mkv")
    streams, item = Streams(reading=ReadOptions(start=start), writing=WriteOptions()), Input(path, "video", Path("a.mkv"))
    for read_from in (None, Fraction(7), Fraction(10)):
        with streams.open_source(item, read_from=read_from) as source:
            frames = list(source)
        assert {(frame.width, frame.height) for frame in frames} == {size}
        assert read_from is None or frames[0].seconds == read_from
