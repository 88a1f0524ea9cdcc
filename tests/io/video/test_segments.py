"""A video written in segments and joined is the video that would have been written in one piece."""

from __future__ import annotations

import resource
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from p3mvideo.errors import SinkError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.video.write.segment import Segment
from p3mvideo.io.video.write.segment_sink import SegmentSink
from p3mvideo.io.video.write.sink import VideoSink
from p3mvideo.options import WriteOptions
from tests.io.media import frames_for, info_of, make_video, moving_image, packets_of, write_all

COUNT, BORDER = 24, 11
FORMS = {"out.mp4": None, "out.mkv": "hevc", "out.mov": "prores", "out.webm": "vp9", "lossless.mkv": "ffv1"}
PTS = [index * 3 + (index > 15) * 20 for index in range(COUNT)]
"""With a gap: the rate is not steady."""


def images(alpha: bool) -> list[UInt8Array]:
    made = [moving_image(index, 64, 48) for index in range(COUNT)]
    return [np.dstack([image, image[..., 0]]) for image in made] if alpha else made


def stored(path: Path) -> tuple[list[Fraction], list[UInt8Array]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        times = [frame.pts * frame.time_base for frame in frames if frame.pts is not None and frame.time_base is not None]
        return times, [np.asarray(frame.to_ndarray(format="rgba"), np.uint8) for frame in frames]


@pytest.mark.parametrize("name", FORMS)
def test_segments_join_into_the_whole_video(name: str, tmp_path: Path) -> None:
    codec, alpha = FORMS[name], FORMS[name] in ("prores", "ffv1")
    source = make_video(tmp_path / "source.mp4", frames=COUNT, audio="aac", chapters=[(0, 0.4, "first")], metadata={"title": "Holiday"})
    frames = frames_for(images(alpha), time_base=Fraction(1, 75), pts=PTS)
    info, options = info_of(frames), WriteOptions(codec=codec)
    whole = tmp_path / f"whole_{name}"
    write_all(VideoSink(whole, info, source=source, codec=codec, alpha=alpha), frames)

    target = tmp_path / name
    for number, part in enumerate((frames[:BORDER], frames[BORDER:])):
        write_all(SegmentSink(tmp_path / f"{number}.segment", target, info, options, source=source, alpha=alpha), part)
    sink = VideoSink(target, info, source=source, codec=codec, alpha=alpha)
    sink.join([Segment(tmp_path / f"{number}.segment") for number in range(2)])
    sink.finish()
    sink.close()

    times, shown = stored(target)
    expected_times, expected = stored(whole)
    assert times == expected_times
    if codec in ("prores", "ffv1"):  # every frame is a key frame, whatever stands before it
        assert all(np.array_equal(one, other) for one, other in zip(shown, expected, strict=True))
    else:
        assert max(np.abs(one.astype(int) - other).mean() for one, other in zip(shown, expected, strict=True)) < 6
    assert packets_of(target, "audio") == packets_of(whole, "audio")
    with av.open(str(target)) as one, av.open(str(whole)) as other:
        assert one.streams.video[0].codec_context.extradata == other.streams.video[0].codec_context.extradata
        assert one.streams.video[0].codec_context.codec_tag == other.streams.video[0].codec_context.codec_tag
        assert one.metadata == other.metadata
        assert len(one.chapters()) == len(other.chapters())


@pytest.mark.parametrize("name", FORMS)
def test_segments_join_whatever_number_of_threads_encoded_them(name: str, tmp_path: Path) -> None:
    source, target = make_video(tmp_path / "source.mp4", frames=4, size=(320, 192)), tmp_path / name
    frames = frames_for([moving_image(index, 320, 192) for index in range(4)])
    info, options = info_of(frames), WriteOptions(codec=FORMS[name])
    for number, threads in enumerate((1, 2, 4, 0)):
        segment = SegmentSink(tmp_path / f"{number}.segment", target, info, options, source=source, threads=threads)
        write_all(segment, frames[number : number + 1])
    sink = VideoSink(target, info, source=source, codec=FORMS[name], threads=3)
    with closing(sink):
        assert sink.join([Segment(tmp_path / f"{number}.segment") for number in range(4)]) == 4
        sink.finish()
    assert len(stored(target)[0]) == 4


def test_nothing_is_left_of_a_segment_that_the_disk_did_not_take(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", frames=2)
    # Packets that fill the file's buffer one after the other: it is still full of what the disk did not take when the file is closed.
    frames = frames_for(list(np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)))
    path = tmp_path / "0.segment"
    sink = SegmentSink(path, tmp_path / "out.mkv", info_of(frames), WriteOptions(codec="ffv1"), source=source)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(SinkError, match="cannot write"):
            write_all(sink, frames)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [left.name for left in tmp_path.iterdir()] == ["source.mp4"]
    write_all(SegmentSink(path, tmp_path / "out.mkv", info_of(frames), WriteOptions(codec="ffv1"), source=source), frames)
    assert path.exists(), "no one holds its lock"


def test_segments_of_other_options_are_not_joined(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", frames=4)
    frames: list[Frame] = frames_for(images(False)[:4])
    target, info = tmp_path / "out.mp4", info_of(frames)
    write_all(SegmentSink(tmp_path / "0.segment", target, info, WriteOptions(even="crop"), source=source), frames[:2])
    larger = frames_for([moving_image(index, 96, 64) for index in range(2)])
    write_all(SegmentSink(tmp_path / "1.segment", target, info_of(larger), WriteOptions(), source=source), larger)
    sink = VideoSink(target, info, source=source)
    with pytest.raises(SinkError, match="not encoded alike"):
        sink.join([Segment(tmp_path / "0.segment"), Segment(tmp_path / "1.segment")])
    sink.close()
    assert not target.exists()
