"""What a video sink makes of frames, and of the other streams of their source."""

from __future__ import annotations

import logging
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.io.video.write.alpha_check import first_alpha
from p3mvideo.io.video.write.sink import VideoSink
from tests.io.media import (
    CHART,
    chart,
    decoded,
    frames_for,
    info_of,
    make_video,
    moving_image,
    packets_of,
    patches,
    write_all,
)


def write(path: Path, frames: list[Frame], *, info: StreamInfo | None = None, **options: object) -> Path:
    write_all(VideoSink(path, info or info_of(frames), **options), frames)  # type: ignore[arg-type]
    return path


def convert(source: Path, target: Path, *, start: Fraction | None = None, end: Fraction | None = None, **options: object) -> Path:
    """Write what a source delivers, unchanged."""
    with VideoSource(source, start=start, end=end) as frames:
        return write(target, list(frames), info=frames.info, source=source, start=start, end=end, **options)


def moving_frames(count: int = 6, size: tuple[int, int] = (64, 48), **options: object) -> list[Frame]:
    return frames_for([moving_image(index, *size) for index in range(count)], **options)  # type: ignore[arg-type]


def with_alpha(size: tuple[int, int] = (64, 48)) -> UInt8Array:
    """An image whose alpha goes from 0 to 255, left to right."""
    image = np.dstack([moving_image(0, *size), np.zeros(size[::-1], np.uint8)])
    image[..., 3] = np.linspace(0, 255, size[0]).round().astype(np.uint8)
    return image


CODECS = [
    ("a.mp4", None), ("a.mp4", "hevc"), ("a.mp4", "vp9"), ("a.mov", None), ("a.mov", "hevc"), ("a.mov", "prores"),
    ("a.mkv", None), ("a.mkv", "hevc"), ("a.mkv", "vp9"), ("a.mkv", "ffv1"), ("a.mkv", "prores"), ("a.webm", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "codec"), CODECS)
def test_every_codec_keeps_images_times_and_colour_tags(tmp_path: Path, name: str, codec: str | None) -> None:
    pts = [0, 40, 90, 100, 250, 400]
    frames = moving_frames(time_base=Fraction(1, 1000), pts=pts)
    path = write(tmp_path / name, frames, codec=codec)
    with VideoSource(path) as source:
        back = list(source)
    assert [frame.seconds for frame in back] == [Fraction(p, 1000) for p in pts]
    for frame, original in zip(back, frames, strict=True):
        assert np.abs(frame.interleaved().astype(int) - original.interleaved()).mean() < 6
    image = next(decoded(path))
    if codec == "ffv1":
        assert image.format.is_rgb
    else:
        assert image.colorspace == 6, "small images are BT.601"
        assert image.color_range != 2


@pytest.mark.parametrize(("height", "matrix"), [(64, 6), (720, 1)])
def test_without_a_source_the_matrix_is_the_one_players_expect(tmp_path: Path, height: int, matrix: int) -> None:
    path = write(tmp_path / "a.mp4", frames_for([chart(96, height)]))
    image = next(decoded(path))
    assert (image.colorspace, image.color_primaries, image.color_trc, image.color_range) == (matrix, 1, 1, 1)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.webm"])
@pytest.mark.parametrize(("matrix", "primaries", "transfer"), [(1, 1, 1), (6, 6, 6), (9, 9, 14)])
def test_colour_chart_and_tags_survive(tmp_path: Path, name: str, matrix: int, primaries: int, transfer: int) -> None:
    source = make_video(tmp_path / "source.mkv", images=[chart()], pixel_format="yuv420p10le", matrix=matrix, primaries=primaries, transfer=transfer)
    path = convert(source, tmp_path / name)
    image = next(decoded(path))
    assert (image.colorspace, image.color_primaries, image.color_trc, image.color_range) == (matrix, primaries, transfer, 1)
    with VideoSource(path) as back:
        assert np.abs(patches(next(iter(back)).interleaved()).astype(int) - CHART).max() <= 7


def test_a_mapped_hdr_source_is_tagged_as_ordinary(tmp_path: Path) -> None:
    source = make_video(tmp_path / "s.mkv", frames=2, codec="libx265", pixel_format="yuv420p10le", matrix=9, primaries=9, transfer=16)
    with VideoSource(source, hdr="tonemap") as frames:
        path = write(tmp_path / "a.mp4", list(frames), info=frames.info, source=source)
    image = next(decoded(path))
    assert (image.colorspace, image.color_primaries, image.color_trc) == (1, 1, 1)


@pytest.mark.parametrize(("name", "codec"), CODECS)
@pytest.mark.parametrize("size", [(67, 45), (64, 45), (67, 48)])
def test_odd_sizes_are_shown_as_they_are(tmp_path: Path, name: str, codec: str | None, size: tuple[int, int]) -> None:
    path = write(tmp_path / name, moving_frames(2, size), codec=codec)
    image = next(decoded(path))
    assert (image.width, image.height) == size
    with VideoSource(path) as source:
        edge = next(iter(source)).interleaved()[:, -1].astype(int)
    assert np.abs(edge - moving_image(0, *size)[:, -1]).mean() < 12


@pytest.mark.parametrize("codec", ["h264", "vp9", "ffv1"])
def test_three_by_three_pixels(tmp_path: Path, codec: str) -> None:
    path = write(tmp_path / "a.mkv", moving_frames(2, (3, 3)), codec=codec)
    assert [(image.width, image.height) for image in decoded(path)] == [(3, 3), (3, 3)]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(("name", "codec"), CODECS)
def test_very_short_videos(tmp_path: Path, name: str, codec: str | None, count: int) -> None:
    images = list(decoded(write(tmp_path / name, moving_frames(count), codec=codec)))
    assert [image.time for image in images] == pytest.approx([index / 25 for index in range(count)], abs=0.001)


@pytest.mark.parametrize(
    ("name", "codec", "tolerance"),
    [("a.mov", None, 1), ("a.webm", None, 8), ("a.mkv", None, 8), ("a.mkv", "ffv1", 0), ("a.mkv", "prores", 1)],
)
@pytest.mark.parametrize("size", [(64, 48), (67, 45)])
def test_alpha_is_written_and_read_back(tmp_path: Path, name: str, codec: str | None, tolerance: int, size: tuple[int, int]) -> None:
    image = with_alpha(size)
    path = write(tmp_path / name, frames_for([image, image]), codec=codec, alpha=True)
    found = first_alpha(path)
    assert found is not None
    assert np.abs(found.astype(int) - image[..., 3]).max() <= tolerance
    with VideoSource(path) as source:
        opaque = next(iter(source)).interleaved()[:, -4:].astype(int)
    assert np.abs(opaque - image[:, -4:, :3]).mean() < 8, "straight alpha leaves the colours as they are"


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", None), ("a.mov", "h264"), ("a.mkv", "hevc"), ("a.m4v", None)])
def test_alpha_where_there_is_none_is_refused_with_the_names_of_those_that_have_it(tmp_path: Path, name: str, codec: str | None) -> None:
    with pytest.raises(ConfigError, match="cannot hold alpha") as caught:
        VideoSink(tmp_path / name, StreamInfo(64, 48), codec=codec, alpha=True)
    for word in (".mov", "prores", ".webm", "vp9", ".mkv", "ffv1"):
        assert word in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.xyz", {}, "does not name a video container"),
        ("a.webm", {"codec": "h264"}, "do not hold h264"),
        ("a.mp4", {"codec": "divx"}, "unknown codec"),
        ("a.mp4", {"crf": 20, "bitrate": 1000}, "exclude each other"),
        ("a.mp4", {"crf": 52}, "out of range"),
        ("a.mp4", {"bitrate": 0}, "not positive"),
        ("a.mkv", {"codec": "ffv1", "crf": 3}, "fixed quality"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        VideoSink(tmp_path / name, StreamInfo(64, 48), **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_quality_and_bitrate_reach_the_encoder(tmp_path: Path) -> None:
    frames = moving_frames(10, (160, 120))
    sizes = [
        write(tmp_path / f"{number}.mp4", frames, **options).stat().st_size  # type: ignore[arg-type]
        for number, options in enumerate([{"crf": 5}, {"crf": 45}, {"bitrate": 2_000_000}, {"bitrate": 20_000}])
    ]
    assert sizes[0] > 2 * sizes[1]
    assert sizes[2] > 1.5 * sizes[3]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_sound_is_copied_byte_for_byte_and_in_time(tmp_path: Path, name: str) -> None:
    source = make_video(tmp_path / "source.mp4", frames=25, audio="aac", audio_tracks=2)
    path = convert(source, tmp_path / name)
    before, after = packets_of(source, "audio"), packets_of(path, "audio")
    assert [data for _, data in after] == [data for _, data in before]
    assert all(abs(a[0] - b[0]) <= Fraction(1, 1000) for a, b in zip(after, before, strict=True))
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 2
    with VideoSource(path) as frames:
        assert [frame.seconds for frame in frames] == [Fraction(index, 25) for index in range(25)]


def test_sound_that_begins_later_or_lasts_longer_keeps_its_place(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mkv", frames=10, audio="aac", audio_start=Fraction(3, 2))
    path = convert(source, tmp_path / "a.mp4")
    before, after = packets_of(source, "audio"), packets_of(path, "audio")
    assert [data for _, data in after] == [data for _, data in before]
    assert all(abs(a[0] - b[0]) <= Fraction(1, 1000) for a, b in zip(after, before, strict=True))


def test_sound_that_the_container_cannot_hold_is_encoded_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = make_video(tmp_path / "source.mp4", frames=25, audio="aac")
    with caplog.at_level(logging.WARNING):
        path = convert(source, tmp_path / "a.webm")
    assert "is encoded as Opus" in caplog.text
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "opus"
        samples = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in container.decode(stream)])
    assert 0.9 * 48_000 < samples.size < 1.2 * 48_000
    spectrum = np.abs(np.fft.rfft(samples[4800:43_200]))
    assert abs(spectrum.argmax() * 48_000 / 38_400 - 220) < 5, "the tone is the one that was there"


SUBTITLES = [(0.1, 0.4, "Grüße"), (0.5, 0.9, "second line")]


@pytest.mark.parametrize(
    ("before", "after", "codec"),
    [
        ("s.mp4", "a.mp4", "mov_text"), ("s.mp4", "a.mkv", "srt"), ("s.mp4", "a.webm", "webvtt"), ("s.mkv", "a.mp4", "mov_text"),
        ("s.mkv", "a.mkv", "srt"), ("s.mkv", "a.mov", "mov_text"),
    ],
)  # fmt: skip
def test_text_subtitles_follow_into_every_container(tmp_path: Path, before: str, after: str, codec: str) -> None:
    source = make_video(tmp_path / before, frames=25, subtitles=SUBTITLES, subtitle_codec="mov_text" if before.endswith("mp4") else "subrip")
    path = convert(source, tmp_path / after)
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        assert stream.codec_context.name.startswith(codec)
        packets = [packet for packet in container.demux(stream) if packet.pts is not None and packet.size > 2]
        found = [
            (float(packet.pts * packet.time_base), bytes(packet)[2 if codec == "mov_text" else 0 :].decode())
            for packet in packets
            if packet.pts is not None
        ]
    assert [text for _, text in found] == [text for _, _, text in SUBTITLES]
    assert [start for start, _ in found] == pytest.approx([start for start, _, _ in SUBTITLES], abs=0.002)


def test_subtitles_that_the_container_cannot_hold_are_left_out_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = "0,0,Default,,0,0,0,,styled"
    source = make_video(tmp_path / "source.mkv", frames=10, subtitles=[(0.1, 0.3, line)], subtitle_codec="ass")
    with caplog.at_level(logging.WARNING):
        path = convert(source, tmp_path / "a.mp4")
    assert "subtitle stream 1 (ass)" in caplog.text
    with av.open(str(path)) as container:
        assert not container.streams.subtitles
    assert len(list(decoded(path))) == 10


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_chapters_and_metadata_are_copied(tmp_path: Path, name: str) -> None:
    source = make_video(
        tmp_path / "source.mp4", frames=25, chapters=[(0, 0.4, "one"), (0.4, 1, "two")],
        metadata={"title": "A title", "artist": "Somebody", "comment": "ä ö ü"},
    )  # fmt: skip
    path = convert(source, tmp_path / name)
    with av.open(str(path)) as container:
        chapters = container.chapters()
        found = {key.lower(): value for key, value in container.metadata.items()}
    assert [chapter["metadata"]["title"] for chapter in chapters] == ["one", "two"]
    assert [float(chapter["start"] * chapter["time_base"]) for chapter in chapters if chapter["time_base"]] == [0, 0.4]
    assert (found["title"], found["artist"], found["comment"]) == ("A title", "Somebody", "ä ö ü")


def test_metadata_without_a_place_of_its_own_survives_in_mp4(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mkv", frames=3, metadata={"title": "T", "com.example.key": "value"})
    with av.open(str(convert(source, tmp_path / "a.mp4"))) as container:
        found = {key.lower(): value for key, value in container.metadata.items()}
    assert (found["title"], found["com.example.key"]) == ("T", "value")


def test_turned_and_stretched_images_keep_their_shape(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", frames=3, size=(64, 48), rotation=90, pixel_shape=Fraction(4, 3))
    path = convert(source, tmp_path / "a.mp4")
    image = next(decoded(path))
    assert (image.width, image.height, image.rotation) == (48, 64, 0)
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(3, 4)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_trimmed_video_begins_at_zero_with_all_its_streams(tmp_path: Path, name: str) -> None:
    source = make_video(
        tmp_path / "source.mp4", frames=50, audio="aac", chapters=[(0, 0.6, "one"), (0.6, 2, "two")],
        subtitles=[(0.1, 0.3, "gone"), (0.5, 1.1, "cut"), (1.2, 1.3, "kept"), (1.7, 1.9, "late")],
    )  # fmt: skip
    start, end = Fraction(4, 5), Fraction(8, 5)
    path = convert(source, tmp_path / name, start=start, end=end)
    with VideoSource(path) as frames:
        assert [frame.seconds for frame in frames] == [Fraction(index, 25) for index in range(20)]
    wanted = {data: time - start for time, data in packets_of(source, "audio") if start <= time < end}
    found = {data: time for time, data in packets_of(path, "audio")}
    assert wanted.keys() == found.keys()
    assert all(abs(found[data] - wanted[data]) <= Fraction(1, 1000) for data in wanted)
    texts = [(float(time), data[-4:]) for time, data in packets_of(path, "subtitle") if len(data) > 2]
    assert [data[-3:] for _, data in texts] == [b"cut", b"ept"]
    assert [time for time, _ in texts] == pytest.approx([0, 0.4], abs=0.002)
    with av.open(str(path)) as container:
        chapters = [(float(c["start"] * (c["time_base"] or 0)), float(c["end"] * (c["time_base"] or 0))) for c in container.chapters()]
    assert len(chapters) == 1
    assert chapters[0] == pytest.approx((0, 0.8), abs=0.002)


def test_attachments_are_copied_between_matroska_files(tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    plain = make_video(tmp_path / "plain.mkv", frames=3)
    with av.open(str(plain)) as given, av.open(str(source), "w") as output:
        stream = output.add_stream_from_template(given.streams.video[0], opaque=True)
        output.add_attachment("font.ttf", "font/ttf", b"not really a font")
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    with av.open(str(convert(source, tmp_path / "a.mkv"))) as container:
        attachment = container.streams.attachments[0]
        assert (attachment.name, attachment.data) == ("font.ttf", b"not really a font")


def test_nothing_appears_under_the_name_before_finish(tmp_path: Path) -> None:
    path, frames = tmp_path / "a.mp4", moving_frames()
    sink = VideoSink(path, info_of(frames))
    for frame in frames:
        sink.write(frame)
    assert [item.suffix for item in tmp_path.iterdir()] == [".part"]
    sink.finish()
    sink.close()
    assert [item.name for item in tmp_path.iterdir()] == ["a.mp4"]


def test_a_lost_frame_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.io.video.write.sink.count_packets", lambda path: 5)
    with pytest.raises(SinkError, match="took 6 frames and holds 5"):
        write(tmp_path / "a.mp4", moving_frames(6))
    assert list(tmp_path.iterdir()) == []


def test_lost_alpha_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.io.video.read.alpha_decoder.ALPHA_DECODERS", {})
    with pytest.raises(SinkError, match="without its alpha"):
        write(tmp_path / "a.webm", frames_for([with_alpha()]), alpha=True)
    assert list(tmp_path.iterdir()) == []


def test_frames_of_another_size_are_a_caller_s_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a frame"):
        write(tmp_path / "a.mp4", moving_frames(), info=StreamInfo(62, 48))
    assert list(tmp_path.iterdir()) == []


def test_output_equal_to_input_is_refused(tmp_path: Path) -> None:
    source = make_video(tmp_path / "a.mp4")
    before = source.read_bytes()
    with pytest.raises(ConfigError, match="both input and output"):
        VideoSink(source, StreamInfo(64, 48), source=source, overwrite=True)
    assert source.read_bytes() == before


def test_closing_in_another_thread_ends_the_writing(tmp_path: Path) -> None:
    sink = VideoSink(tmp_path / "a.mp4", StreamInfo(64, 48, Fraction(25)))
    errors: list[Exception] = []
    first = threading.Event()

    def produce() -> None:
        try:
            for frame in moving_frames(5_000):
                sink.write(frame)
                first.set()
        except ValueError as error:
            errors.append(error)

    producer = threading.Thread(target=produce)
    producer.start()
    assert first.wait(60)
    sink.close()
    producer.join(60)
    assert not producer.is_alive()
    assert [str(error) for error in errors] == ["the sink is closed"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("matrix", [1, 6, 2])
def test_what_nobody_touches_is_written_bit_by_bit(tmp_path: Path, matrix: int) -> None:
    noise = [np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8) for seed in range(3)]
    source = make_video(tmp_path / "in.mp4", images=noise, matrix=matrix)
    written = convert(source, tmp_path / "out.mp4", crf=0)  # H.264 is lossless at 0
    for before, after in zip(decoded(source), decoded(written), strict=True):
        assert after.format.name == "yuv420p"
        assert np.array_equal(before.to_ndarray(), after.to_ndarray())


def test_yuv_of_another_matrix_is_converted(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", images=[chart()], matrix=6, primaries=1, transfer=1)
    with VideoSource(source) as frames:
        written = write(tmp_path / "out.mp4", list(frames), info=StreamInfo(96, 64), source=make_video(tmp_path / "other.mp4", matrix=1))
    with VideoSource(written) as back:
        assert np.abs(patches(next(iter(back)).interleaved()).astype(int) - CHART).max() <= 8
