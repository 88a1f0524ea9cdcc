"""What becomes of the streams beside the images: each is copied, encoded, rewritten or left out, and everything left out is said."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Disposition

from p3mvideo.errors import SinkError
from p3mvideo.io.av_errors import explaining, writing
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.io.video.write.sink import VideoSink
from p3mvideo.io.video.write.streams.anonymous_ass import anonymous_header
from p3mvideo.io.video.write.streams.playable import PLAYABLE
from p3mvideo.io.video.write.streams.timecode import moved_timecode
from tests.io.media import make_video, moving_image, packets_of, write_all
from tests.io.mp4_surgery import hide_beginning, replaced
from tests.io.telling_media import ASS, at, attach, with_names


def convert(source: Path, target: Path, *, start: Fraction | None = None, identity: bool = True) -> Path:
    """Write what a source delivers, unchanged."""
    with VideoSource(source, start=start) as frames:
        write_all(VideoSink(target, frames.info, source=source, start=start, identity=identity), frames)
    return target


def sound_codec(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.codec.canonical_name


def samples(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return times and loudness of the first sound track, decoded, one value a sample."""
    times, values = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            sound = frame.to_ndarray().astype(np.float64)
            mono = sound.mean(axis=0) if frame.format.is_planar else sound.reshape(-1, frame.layout.nb_channels).mean(axis=1)
            times.append(float(frame.time or 0) + np.arange(mono.size) / frame.sample_rate)
            values.append(mono)
    return np.concatenate(times), np.concatenate(values)


def pitch(path: Path) -> float:
    """Return the strongest frequency of the first sound track."""
    times, values = samples(path)
    rate = (times.size - 1) / (times[-1] - times[0])
    return float(np.abs(np.fft.rfft(values)).argmax() * rate / values.size)


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("before", "codec", "after", "expected"),
    [
        ("s.avi", "pcm_s16le", "a.mp4", "aac"), ("s.mov", "pcm_s24le", "a.mp4", "aac"), ("s.mov", "pcm_s24le", "a.mov", "pcm_s24le"),
        ("s.avi", "pcm_alaw", "a.mkv", "flac"), ("s.avi", "pcm_mulaw", "a.mkv", "flac"), ("s.mov", "pcm_s16le", "a.mkv", "pcm_s16le"),
        ("s.mkv", "flac", "a.mp4", "flac"), ("s.mkv", "libopus", "a.mov", "aac"), ("s.mp4", "ac3", "a.webm", "opus"),
    ],
)  # fmt: skip
def test_sound_is_what_players_of_the_container_play(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, before: str, codec: str, after: str, expected: str
) -> None:
    source = make_video(tmp_path / before, frames=25, audio=codec, codec="mpeg4" if before.endswith("avi") else "libx264")
    copied = sound_codec(source) == expected
    path = convert(source, tmp_path / after)
    assert sound_codec(path) == expected
    assert pitch(path) == pytest.approx(220, abs=3)
    times, _ = samples(path)
    assert times[-1] - times[0] == pytest.approx(1, abs=0.06)
    assert len([line for line in warnings_of(caplog) if "is encoded as" in line]) == (not copied)


@pytest.mark.parametrize("name", PLAYABLE)
def test_what_players_play_is_what_the_muxer_takes(tmp_path: Path, name: str) -> None:
    with av.open(str(tmp_path / "a"), "w", format=name) as output:
        for codec in PLAYABLE[name].sound | PLAYABLE[name].subtitles:
            output.add_mux_stream(codec)  # raises for what the container cannot hold
        output.add_stream(PLAYABLE[name].sound_encoder)
        output.add_stream(PLAYABLE[name].text_subtitles)


def test_frames_shorter_than_the_unit_of_matroska_keep_their_times(tmp_path: Path) -> None:
    """TrueHD and MLP have 1200 frames a second; FFmpeg's PCM stands for them here, whose frames are as long as one likes."""
    source = make_video(tmp_path / "s.mkv", frames=25, audio="pcm_s16le", audio_block=20)
    path = convert(source, tmp_path / "a.mkv")
    assert packets_of(path, "audio") == packets_of(source, "audio")
    assert len({time for time, _ in packets_of(path, "audio")}) < len(packets_of(path, "audio")), "some times are equal"
    assert sound_codec(convert(source, tmp_path / "a.mp4")) == "aac"


@pytest.mark.parametrize("after", ["a.mp4", "a.mkv"])
def test_sound_of_joined_transport_streams_moves_with_its_images(tmp_path: Path, after: str) -> None:
    parts = [make_video(tmp_path / f"{number}.ts", frames=50, audio="aac") for number in range(2)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with VideoSource(joined) as frames:
        times = [frame.seconds for frame in frames]
        assert frames.damaged == ()
    path = convert(joined, tmp_path / after)
    sound = [time for time, _ in packets_of(path, "audio")]
    first = len(packets_of(parts[0], "audio"))
    moved = times[50] - times[0]
    assert len(sound) > first
    for number in range(5, 20):
        assert float(sound[first + number] - sound[number]) == pytest.approx(float(moved), abs=0.03)


@pytest.mark.parametrize("after", ["a.mp4", "a.mkv", "a.webm"])
def test_sound_that_an_edit_list_hides_is_not_copied(tmp_path: Path, after: str) -> None:
    source = hide_beginning(make_video(tmp_path / "s.mp4", frames=50, audio="aac"), 1.2)
    hidden = {bytes(packet) for packet in _audio_packets(source) if packet.is_discard}
    assert len(hidden) > 40
    path = convert(source, tmp_path / after)
    assert not hidden & {data for _, data in packets_of(path, "audio")}
    times, _ = samples(path)
    assert times[0] == pytest.approx(0, abs=0.03)
    assert times[-1] - times[0] == pytest.approx(0.8, abs=0.06)
    with VideoSource(path) as frames:
        assert len(list(frames)) == 20


def _audio_packets(path: Path) -> list[Packet[AudioStream]]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(audio=0) if packet.size]


def test_an_unknown_codec_is_left_out_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = replaced(make_video(tmp_path / "s.mp4", frames=10, audio="ac3", audio_tracks=1), b"ac-3", b"zzzz")
    path = convert(source, tmp_path / "a.mp4")
    assert len(warnings_of(caplog)) == 1
    assert "audio stream 1 (unknown) is left out: its codec is unknown" in caplog.text
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def with_extras(path: Path) -> Path:
    """A video with a second video, a cover image, and in Matroska two attached files."""
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("libx264", rate=25, width=64, height=48) for _ in range(2)]
        streams.append(output.add_stream("mjpeg", rate=25, width=64, height=48))
        streams[2].codec_context.pix_fmt = "yuvj420p"
        streams[2].disposition = Disposition.attached_pic
        if path.suffix == ".mkv":
            attach(output)
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(moving_image(number, 64, 48))
            for stream in streams[: 3 if not number else 2]:
                frame.pts = number
                output.mux(stream.encode(frame.reformat(format=stream.codec_context.pix_fmt)))
        for stream in streams:
            output.mux(stream.encode(None))
    return path


def test_encrypted_sound_is_left_out_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = replaced(make_video(tmp_path / "s.mp4", frames=10, audio="aac"), b"mp4a", b"enca")
    path = convert(source, tmp_path / "a.mp4")
    assert [line.endswith("is left out: it is encrypted") for line in warnings_of(caplog)] == [True]
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("what", ["chapters", "timecode"])
def test_tracks_that_are_carried_otherwise_are_not_called_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str) -> None:
    times = {"chapters": [(0, 1, "one"), (1, 2, "two")]} if what == "chapters" else {"metadata": {"timecode": "01:00:00:00"}}
    source = make_video(tmp_path / "s.mov", frames=50, **times)
    with av.open(str(source)) as container:
        assert len(container.streams.data) == 1
    with av.open(str(convert(source, tmp_path / "a.mov"))) as container:
        assert len(container.streams.data) == 1
    assert not warnings_of(caplog)


def test_second_videos_covers_and_attachments_are_left_out_with_a_line_each(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    convert(with_extras(tmp_path / "s.mp4"), tmp_path / "a.mp4")
    lines = warnings_of(caplog)
    assert sum("is left out" in line for line in lines) == len(lines) == 2
    caplog.clear()
    with av.open(str(convert(with_extras(tmp_path / "s.mkv"), tmp_path / "b.mp4"))) as container:
        assert len(container.streams) == 1
    assert sum("attachment stream" in line and "hold no attached files" in line for line in warnings_of(caplog)) == 2


def test_timecodes_move_with_the_start(tmp_path: Path) -> None:
    source = make_video(tmp_path / "s.mov", frames=50, metadata={"timecode": "01:02:03:04"})
    for name in ("a.mov", "a.mkv"):
        with av.open(str(convert(source, tmp_path / name, start=Fraction(1)))) as container:
            found = {key.lower(): value for key, value in [*container.metadata.items(), *container.streams.video[0].metadata.items()]}
        assert found["timecode"] == "01:02:04:04"


@pytest.mark.parametrize(
    ("text", "seconds", "rate", "expected"),
    [
        ("00:00:00:00", 1, Fraction(25), "00:00:01:00"), ("23:59:59:24", Fraction(1, 25), Fraction(25), "00:00:00:00"),
        ("00:00:59;29", Fraction(1001, 30_000), Fraction(30_000, 1001), "00:01:00;02"),
        ("00:09:59;29", Fraction(1001, 30_000), Fraction(30_000, 1001), "00:10:00;00"),
        ("00:00:00;00", Fraction(17_982 * 1001, 30_000), Fraction(30_000, 1001), "00:10:00;00"),
        ("01:00:00:00", Fraction(1, 50), Fraction(25), "01:00:00:01"),
        ("noon", 1, Fraction(25), None),
    ],
)  # fmt: skip
def test_timecodes_count_frames(text: str, seconds: Fraction, rate: Fraction, expected: str | None) -> None:
    assert moved_timecode(text, Fraction(seconds), rate) == expected


@pytest.mark.parametrize(("before", "after"), [("s.mkv", "a.mkv"), ("s.mp4", "a.mp4"), ("s.mkv", "b.mp4"), ("s.mp4", "b.mkv")])
def test_tags_in_latin_1_are_repaired(tmp_path: Path, before: str, after: str) -> None:
    source = replaced(make_video(tmp_path / before, frames=5, metadata={"title": "CafZ", "comment": "ZZZ ä"}), b"CafZ", b"Caf\xe9")
    with av.open(str(convert(source, tmp_path / after))) as container:
        found = {key.lower(): value for key, value in container.metadata.items()}
    assert (found["title"], found["comment"]) == ("Café", "ZZZ ä")


def test_the_muxer_s_own_reason_is_told(tmp_path: Path) -> None:
    output = av.open(str(tmp_path / "a.mp4"), "w")
    output.add_stream("libx264", rate=25, width=64, height=48)
    output.add_attachment("f.ttf", "font/ttf", b"font")
    with pytest.raises(SinkError, match="Could not find tag for codec none"), writing("a.mp4"), explaining():
        output.start_encoding()


def test_a_header_of_ass_without_names_still_says_how_subtitles_look() -> None:
    header, styles = anonymous_header(ASS)
    assert "jane" not in header.lower()
    assert "PlayResX: 640" in header
    assert styles == {"Default": "Default", "Jane": "Style1"}
    assert "Style: Style1,Arial,18" in header


@pytest.mark.parametrize("after", ["a.mkv", "a.mp4", "a.mov"])
def test_without_identity_nothing_names_or_shows_somebody(tmp_path: Path, after: str) -> None:
    text = r"0,0,Jane,Jane Doe,0,0,0,,{\fnJane Hand\rJane}{Jane says}hello"
    source = with_names(tmp_path / "s.mkv", [(0.1, 0.3, text)])
    bare = convert(source, tmp_path / after, identity=False)
    data = bare.read_bytes().lower()
    assert b"jane" not in data
    assert b"webp" not in data
    with av.open(str(bare)) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["Chapter 1"]
        assert container.streams.audio[0].codec_context is not None
        if after == "a.mkv":
            (packet,) = [bytes(packet) for packet in container.demux(subtitles=0) if packet.size]
            assert packet.decode() == r"0,0,Style1,,0,0,0,,{\rStyle1}hello"
    kept = convert(source, tmp_path / f"kept_{after}").read_bytes().lower()
    assert b"jane doe" in kept


def test_speakers_of_webvtt_are_not_named_without_identity(tmp_path: Path) -> None:
    source = make_video(tmp_path / "s.mkv", frames=10, subtitles=[(0.1, 0.3, "<v Jane Doe>hello <b>you</b>")], subtitle_codec="webvtt")
    for name in ("a.mkv", "a.mp4", "a.webm"):
        path = convert(source, tmp_path / name, identity=False)
        assert b"Jane" not in path.read_bytes()
        assert any(b"hello you" in data for _, data in packets_of(path, "subtitle"))


def test_sound_that_changes_its_form_midway_is_encoded(tmp_path: Path) -> None:
    parts = []
    for number, layout in enumerate(("mono", "stereo")):
        parts.append(tmp_path / f"{number}.ts")
        _short_ts(parts[-1], layout)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    path = convert(joined, tmp_path / "a.webm")
    times, _ = samples(path)
    assert times[-1] > 1.2


def _short_ts(path: Path, layout: str) -> None:
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=25, width=64, height=48)
        sound = output.add_stream("mp2", rate=44_100)
        sound.codec_context.layout = layout
        output.start_encoding()
        for number in range(30):
            output.mux(video.encode(at(av.VideoFrame.from_ndarray(moving_image(number, 64, 48)), number)))
        output.mux(video.encode(None))
        silence = np.zeros((1, 44_100 * 6 // 5 * (1 if layout == "mono" else 2)), np.int16)
        frame = av.AudioFrame.from_ndarray(silence, format="s16", layout=layout)
        frame.sample_rate, frame.pts = 44_100, 0
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))


def test_info_counts_only_what_an_edit_list_shows(tmp_path: Path) -> None:
    source = hide_beginning(make_video(tmp_path / "s.mp4", frames=50, audio="aac"), 1.2)
    with VideoSource(source) as frames:
        assert frames.info.frames == len(list(frames)) == 20


def _with_a_late_first_track(path: Path, target: Path, *, begins: float) -> Path:
    """Copy a video with two tracks of sound, the first of which lacks its beginning."""
    with av.open(str(path)) as source, av.open(str(target), "w") as output:
        targets = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
        late = source.streams.audio[0].index
        for packet in source.demux():
            if packet.dts is not None and (packet.stream_index != late or packet.dts * packet.time_base >= begins):
                packet.stream = targets[packet.stream_index]
                output.mux(packet)
    return target


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_track_that_begins_late_takes_no_sound_from_the_others(tmp_path: Path, suffix: str) -> None:
    whole = make_video(tmp_path / f"whole{suffix}", frames=125, audio="aac", audio_tracks=2)
    source = _with_a_late_first_track(whole, tmp_path / f"late{suffix}", begins=4)
    made = convert(source, tmp_path / f"out{suffix}", start=Fraction(3, 2))
    with av.open(str(made)) as container:
        times: dict[int, list[float]] = {}
        for packet in container.demux(audio=(0, 1)):
            if packet.pts is not None:
                times.setdefault(packet.stream_index, []).append(float(packet.pts * packet.time_base))
        first, second = (times[stream.index] for stream in container.streams.audio)
    assert min(first) == pytest.approx(2.5, abs=0.05)
    assert min(second) == pytest.approx(0, abs=0.05)
    assert max(second) == pytest.approx(3.5, abs=0.1)


@pytest.mark.parametrize("codec", ["pcm_s24le", "pcm_u8"])
def test_a_gap_in_uncompressed_sound_stays_in_mov(tmp_path: Path, codec: str) -> None:
    whole = make_video(tmp_path / "whole.mkv", frames=125, audio=codec)
    with av.open(str(whole)) as source, av.open(str(tmp_path / "gap.mkv"), "w") as output:
        targets = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None and (packet.stream.type == "video" or not 1 <= packet.dts * packet.time_base < 3.5):
                packet.stream = targets[packet.stream_index]
                output.mux(packet)
    times, values = samples(convert(tmp_path / "gap.mkv", tmp_path / "out.mov"))
    assert times[-1] == pytest.approx(5, abs=0.1)
    values -= np.median(values)
    loud = np.abs(values) / np.abs(values).max() > 0.1
    assert loud[times < 1].mean() > 0.8
    assert loud[(times > 1.1) & (times < 3.4)].mean() < 0.01
    assert loud[times > 3.6].mean() > 0.8
