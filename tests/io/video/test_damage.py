"""Damaged and unusual files: what decodes is kept, what is lost is told, nothing hangs."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import pytest
from av.packet import Packet
from av.stream import Stream

from p3mvideo.errors import DamagedInputError, SourceError
from p3mvideo.frame import Frame
from p3mvideo.io.damage import DamagedRange, DamageLog
from p3mvideo.io.video.read.missing_frames import Ledger
from p3mvideo.io.video.read.packets import packets_of
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.io.video.read.timing.steady_rate import SteadyRate
from p3mvideo.io.video.write.sink import VideoSink
from tests.io.media import frames_for, info_of, make_video, moving_image

FRAMES = 40
STEP = Fraction(1, 25)
HEVC = {"g": "8", "x265-params": "log-level=none:bframes=0:keyint=8"}


def whole(folder: Path, name: str) -> Path:
    if name.endswith("hevc.mp4"):
        return make_video(folder / name, frames=FRAMES, codec="libx265", options=HEVC, container_options={"movflags": "faststart"})
    return make_video(
        folder / name,
        frames=FRAMES,
        size=(160, 120),
        audio="aac" if name.endswith((".mp4", ".mkv")) else None,
        codec="libvpx-vp9" if name.endswith(".webm") else "libx264",
        form="mpegts" if name.endswith(".ts") else None,
        container_options={"movflags": "faststart"} if name.endswith(".mp4") else None,
    )


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def flip(path: Path, start: float, end: float) -> Path:
    data = bytearray(path.read_bytes())
    for index in range(int(len(data) * start), int(len(data) * end)):
        data[index] ^= 0xFF
    path.write_bytes(data)
    return path


def read(path: Path, *, strict: bool = False, threads: int = 0) -> tuple[list[Frame], tuple[DamagedRange, ...]]:
    with VideoSource(path, strict=strict, threads=threads) as source:
        return list(source), source.damaged


def assert_told(lost: set[Fraction], damaged: tuple[DamagedRange, ...]) -> None:
    for time in lost:
        assert any(part.start_seconds - STEP / 4 <= time < part.end_seconds for part in damaged), f"{float(time)} in {damaged}"


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.ts", "hevc.mp4"])
def test_whole_files_have_no_damage(tmp_path: Path, name: str) -> None:
    frames, damaged = read(whole(tmp_path, name), strict=True)
    assert (len(frames), damaged) == (FRAMES, ())


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "hevc.mp4"])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.9])
def test_a_truncated_file_gives_what_it_holds_and_tells_the_rest(tmp_path: Path, name: str, share: float) -> None:
    frames, damaged = read(cut(whole(tmp_path, name), share))
    assert 0 < len(frames) < FRAMES
    assert len(damaged) == 1
    assert damaged[0].start_seconds == pytest.approx(float(frames[-1].seconds + STEP), abs=0.05)
    assert damaged[0].end_seconds == pytest.approx(FRAMES * float(STEP), abs=0.05)
    assert "early" in damaged[0].reason or "cut short" in damaged[0].reason


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "hevc.mp4"])
@pytest.mark.parametrize("threads", [1, 0])
def test_flipped_bytes_in_the_middle_lose_no_more_than_is_told(tmp_path: Path, name: str, threads: int) -> None:
    frames, damaged = read(flip(whole(tmp_path, name), 0.5, 0.53), threads=threads)
    shown = {frame.seconds for frame in frames}
    lost = {index * STEP for index in range(FRAMES)} - shown
    assert lost, "this many bytes cost some frames"
    assert damaged
    assert_told(lost, damaged)
    # A small WebM file is one cluster, and one image that all others build upon: nothing to go on with.
    assert FRAMES * STEP - max(shown) < 4 * STEP or name == "a.webm", "decoding goes on behind the damage"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "hevc.mp4"])
def test_scattered_errors_are_told_and_times_stay_in_order(tmp_path: Path, name: str, seed: int) -> None:
    path = whole(tmp_path, name)
    generator, data = random.Random(seed), bytearray(path.read_bytes())
    # Not the headers: without them there is no video at all.
    first = data.index(b"mdat") if b"mdat" in data else len(data) // 5
    for _ in range(30):
        data[generator.randrange(first + 8, len(data))] ^= generator.randrange(1, 256)
    path.write_bytes(data)
    frames, damaged = read(path)
    assert damaged or name == "hevc.mp4", "HEVC has no means to notice most errors"
    assert_told({index * STEP for index in range(FRAMES)} - {frame.seconds for frame in frames}, damaged)
    assert sorted({frame.pts for frame in frames}) == [frame.pts for frame in frames]
    assert list(damaged) == sorted(damaged, key=lambda part: part.start_seconds)


def test_a_pause_of_the_camera_is_no_damage(tmp_path: Path) -> None:
    pts = [512 * number for number in (*range(20), *range(35, 50))]
    path = make_video(tmp_path / "a.mkv", frames=len(pts), pts=pts, audio="aac")
    frames, damaged = read(path, strict=True)
    assert (len(frames), damaged) == (len(pts), ())


def test_concealed_images_are_told(tmp_path: Path) -> None:
    """FFmpeg repairs small damage by guessing; the frame is there, but it is not what was filmed."""
    path = make_video(tmp_path / "a.mp4", frames=10, size=(160, 120), options={"g": "100"}, container_options={"movflags": "faststart"})
    frames, damaged = read(flip(path, 0.4, 0.42))
    assert len(frames) == 10
    assert damaged
    assert "concealed" in damaged[0].reason


@pytest.mark.parametrize("damage", [lambda path: cut(path, 0.7), lambda path: flip(path, 0.5, 0.53)])
def test_strict_stops_at_the_damage(tmp_path: Path, damage: Callable[[Path], Path]) -> None:
    path = damage(whole(tmp_path, "a.mp4"))
    with pytest.raises(DamagedInputError, match="is damaged") as caught:
        read(path, strict=True)
    assert "--strict" in caught.value.hint


def text_named_mp4(path: Path) -> None:
    path.write_text("This is no video.\n" * 100)


def playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")


def audio_only(path: Path) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 44_100
        output.mux([*stream.encode(frame), *stream.encode(None)])


def without_its_index(path: Path) -> None:
    cut(make_video(path, frames=20), 0.6)


def nothing_inside(path: Path) -> None:
    data = make_video(path, frames=3, container_options={"movflags": "faststart"}).read_bytes()
    first = data.index(b"mdat") + 4
    path.write_bytes(data[:first] + bytes(len(data) - first))


BAD: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing.mp4", lambda path: None, "no such file"),
    ("empty.mp4", lambda path: path.touch(), "is empty"),
    ("folder.mp4", lambda path: path.mkdir(), "folder"),
    ("text.mp4", text_named_mp4, "no readable media"),
    ("list.mp4", playlist, "no readable media"),
    ("zeros.mp4", lambda path: path.write_bytes(bytes(100_000)), "no readable media"),
    ("sound.m4a", audio_only, "no video stream, only audio"),
    ("no_index.mp4", without_its_index, "no readable media"),
    ("hollow.mp4", nothing_inside, "could be decoded"),
]


@pytest.mark.parametrize(("name", "make", "message"), BAD, ids=[name for name, _, _ in BAD])
def test_files_without_a_image_are_one_clear_error(tmp_path: Path, name: str, make: Callable[[Path], object], message: str) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(SourceError, match=message) as caught:
        read(path)
    assert name in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(("frames", "size"), [(1, (64, 48)), (2, (64, 48))])
def test_very_short_videos(tmp_path: Path, frames: int, size: tuple[int, int]) -> None:
    found, damaged = read(make_video(tmp_path / "a.mp4", frames=frames, size=size))
    assert (len(found), damaged) == (frames, ())


def test_three_by_three_pixels(tmp_path: Path) -> None:
    found, damaged = read(make_video(tmp_path / "a.mp4", frames=3, size=(3, 3), pixel_format="yuv444p"))
    assert ([frame.image.shape for frame in found], damaged) == ([(3, 3, 3)] * 3, ())


@pytest.mark.parametrize("last", [1, 2_000])
def test_a_long_last_frame_is_no_damage(tmp_path: Path, last: int) -> None:
    times = [0, 100, 150, 400, 450, 500, 700]
    frames = frames_for([moving_image(index, 64, 48) for index in range(7)], time_base=Fraction(1, 1000), pts=times)
    sink = VideoSink(tmp_path / "a.mkv", info_of(frames))
    for frame in frames:
        sink.write(replace(frame, duration=last))
    sink.finish()
    sink.close()
    found, damaged = read(tmp_path / "a.mkv")
    assert ([frame.pts for frame in found], damaged) == (times, ())


def test_a_name_that_looks_like_a_protocol_is_a_file(tmp_path: Path) -> None:
    found, _ = read(make_video(tmp_path / "plain.mp4", frames=2).rename(tmp_path / "http:video%03d.mp4"))
    assert len(found) == 2


def seconds(start: int, end: int) -> tuple[Fraction, Fraction]:
    return Fraction(start), Fraction(end)


class AlwaysBroken:
    """A container whose every read fails, as on a disk with bad sectors."""

    def __init__(self) -> None:
        self.reads = 0

    def demux(self, *streams: Stream) -> Iterator[Packet[Stream]]:
        self.reads += 1
        av.error.err_check(-errno.EIO)
        yield from ()


def test_a_file_that_cannot_be_read_any_more_is_given_up(tmp_path: Path) -> None:
    errors: list[Exception] = []
    broken = AlwaysBroken()
    with av.open(str(make_video(tmp_path / "a.mp4", frames=2))) as container:
        stream = container.streams.video[0]
        packets = list(packets_of(broken, [stream], errors.append))  # type: ignore[arg-type]
        assert [(packet.size, packet.stream) for packet in packets] == [(0, stream)]
    assert len(errors) == broken.reads < 1000


def test_leaving_the_context_in_another_thread_ends_the_iteration(tmp_path: Path) -> None:
    with VideoSource(make_video(tmp_path / "a.mp4", frames=200)) as source:
        seen: list[Frame] = []
        first = threading.Event()

        def consume() -> None:
            for frame in source:
                seen.append(frame)
                first.set()

        consumer = threading.Thread(target=consume)
        consumer.start()
        assert first.wait(60)
        source.__exit__(None, None, None)
        consumer.join(60)
        assert not consumer.is_alive()
    assert 0 < len(seen) <= 200


def test_damage_that_touches_is_one_range() -> None:
    log = DamageLog()
    log.frame(*seconds(0, 1))
    log.frame(*seconds(1, 2), corrupt=True)
    log.frame(*seconds(2, 3), corrupt=True)
    log.frame(*seconds(3, 4))
    log.frame(*seconds(5, 6), corrupt=True)
    log.finish()
    assert [(part.start_seconds, part.end_seconds) for part in log.ranges] == [seconds(1, 3), seconds(5, 6)]


def test_an_error_takes_the_hole_that_it_left() -> None:
    log = DamageLog()
    log.frame(*seconds(0, 1))
    log.error(Fraction(4), "broken")
    log.frame(*seconds(1, 2))
    log.frame(*seconds(6, 7))
    log.finish()
    assert log.ranges == (DamagedRange(Fraction(2), Fraction(6), "broken"),)


def test_an_error_without_a_hole_is_told_where_it_was() -> None:
    log = DamageLog()
    log.frame(*seconds(0, 1))
    log.error(Fraction(1), "broken")
    log.frame(*seconds(1, 2))
    log.frame(*seconds(2, 3))
    log.finish()
    assert log.ranges == (DamagedRange(Fraction(1), Fraction(2), "broken"),)


def test_ledger_finds_what_never_came_out() -> None:
    ledger = Ledger(1000)
    for pts in (0, 3, 1, 2, 6, 4, 5):
        ledger.given(pts)
    assert [ledger.returned(pts) for pts in (0, 1, 4, 5, 6)] == [None, None, 2, None, None]


@pytest.mark.parametrize(
    ("times", "hole"),
    [
        ([*range(0, 400, 40), 600], True),
        ([*range(0, 400, 40), 440], False),
        ([0, 33, 67, 100, 133, 167, 200, 233, 267, 300, 333, 500], True),
        ([0, 40, 500, 540, 1000, 1040, 2000, 2040, 3000, 3040, 4000], False),
        ([0, 10, 35, 80, 90, 130, 155, 190, 230, 260, 300, 600], False),
        ([0, 40, 80, 500], False),
    ],
)
def test_only_a_steady_stream_has_holes(times: list[int], hole: bool) -> None:
    steady = SteadyRate()
    assert bool([steady.missing_before(pts) for pts in times][-1]) is hole
