"""What a video source makes of the images and times of a file."""

from __future__ import annotations

import gc
import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from p3mvideo.errors import SourceError
from p3mvideo.frame import Frame
from p3mvideo.io.video.read.source import VideoSource, frame_at
from tests.io.media import CHART, chart, decoded, make_video, moving_image, patches

RED_CORNER = np.full((32, 64, 3), 60, np.uint8)
RED_CORNER[:16, :16] = (230, 20, 20)


def read(path: Path, **options: object) -> list[Frame]:
    with VideoSource(path, **options) as source:  # type: ignore[arg-type]
        return list(source)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_rate_keeps_every_time(tmp_path: Path, name: str) -> None:
    pts = [0, 400, 900, 1000, 2500, 2501, 4000]
    path = make_video(tmp_path / name, frames=7, pts=[p * 16 for p in pts], time_base=Fraction(1, 16_000))
    frames = read(path)
    assert [frame.seconds for frame in frames] == [Fraction(p, 1000) for p in pts]


def test_info_tells_size_rate_and_number(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", frames=9, rate=Fraction(30_000, 1001), time_base=Fraction(1, 30_000))
    with VideoSource(path) as source:
        assert (source.info.width, source.info.height, source.info.frames) == (64, 48, 9)
        assert source.info.rate == Fraction(30_000, 1001)
        assert not source.info.live


@pytest.mark.parametrize(
    ("matrix", "full_range", "size"),
    [(1, False, (96, 64)), (6, False, (96, 64)), (9, False, (96, 64)), (1, True, (96, 64)), (6, True, (96, 64)),
     (1, False, (1280, 720)), (6, False, (1280, 720))],
)  # fmt: skip
def test_colours_follow_the_stream_s_own_matrix_and_range(tmp_path: Path, matrix: int, full_range: bool, size: tuple[int, int]) -> None:
    path = make_video(tmp_path / "a.mp4", images=[chart(*size)], matrix=matrix, primaries=1, transfer=1, full_range=full_range)
    frame = read(path)[0]
    assert np.abs(patches(frame.interleaved()).astype(int) - CHART).max() <= 6


@pytest.mark.parametrize(("height", "matrix"), [(64, 6), (720, 1)])
def test_untagged_colours_are_taken_as_players_take_them(tmp_path: Path, height: int, matrix: int) -> None:
    """An encoder that leaves the tags out is imitated by removing them from a tagged stream."""
    tagged = make_video(tmp_path / "tagged.mkv", images=[chart(96, height)], matrix=matrix, codec="ffv1")
    untagged = tmp_path / "untagged.y4m"
    rgb = next(decoded(tagged))
    planes = b"".join(np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)[:, : plane.width].tobytes() for plane in rgb.planes)
    untagged.write_bytes(f"YUV4MPEG2 W96 H{height} F25:1 Ip A1:1 C420jpeg\nFRAME\n".encode() + planes)
    assert np.abs(patches(read(untagged)[0].interleaved()).astype(int) - CHART).max() <= 6


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_is_applied_once(tmp_path: Path, rotation: int) -> None:
    path = make_video(tmp_path / "a.mp4", images=[RED_CORNER], rotation=rotation)
    with VideoSource(path) as source:
        frame = next(iter(source))
        assert (source.info.width, source.info.height) == (frame.width, frame.height)
    # FFmpeg counts the angle against the clock, numpy too.
    wanted = np.rot90(RED_CORNER, rotation // 90)
    assert frame.interleaved().shape == wanted.shape
    assert np.abs(frame.interleaved().astype(int) - wanted).mean() < 8


def test_a_file_that_was_read_leaves_no_image_behind(tmp_path: Path) -> None:
    def images() -> int:
        return sum(type(found) is av.VideoFrame for found in gc.get_objects())  # asking for the class of some objects of PyTorch warns

    path = make_video(tmp_path / "a.mp4", frames=3)  # whose first image brings a message of its encoder
    gc.collect()
    gc.disable()
    try:
        before = images()
        for _ in range(3):
            read(path)
        assert images() == before
    finally:
        gc.enable()


def test_mirrored_images_are_mirrored_back(tmp_path: Path) -> None:
    frame = read(make_video(tmp_path / "a.mp4", images=[RED_CORNER], hflip=True))[0]
    assert np.abs(frame.interleaved().astype(int) - RED_CORNER[:, ::-1]).mean() < 8


@pytest.mark.parametrize(
    ("codec", "pixel_format", "size"),
    [
        ("libx264", "yuv420p10le", (64, 48)),
        ("libx265", "yuv420p10le", (64, 48)),
        ("libx264", "yuv444p", (67, 45)),
        ("libvpx-vp9", "yuv420p", (67, 45)),
        ("ffv1", "gray", (64, 48)),
        ("ffv1", "bgr0", (33, 17)),
        ("ffv1", "yuv422p16le", (64, 48)),
        ("prores_ks", "yuv422p10le", (64, 48)),
    ],
)
def test_any_pixel_format_and_size_becomes_rgb(tmp_path: Path, codec: str, pixel_format: str, size: tuple[int, int]) -> None:
    path = make_video(tmp_path / "a.mkv", frames=2, codec=codec, pixel_format=pixel_format, size=size)
    frames = read(path)
    wanted = moving_image(0, *size).astype(int)
    if pixel_format == "gray":
        wanted = np.repeat((wanted @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)
    assert [(frame.width, frame.height) for frame in frames] == [size, size]
    assert np.abs(frames[0].interleaved() - wanted).mean() < 6


def test_alpha_is_laid_on_white(tmp_path: Path) -> None:
    rgb = np.zeros((16, 32, 4), np.uint8)
    rgb[:, :16] = (200, 30, 60, 255)
    path = make_video(tmp_path / "a.mkv", images=[rgb], codec="ffv1", pixel_format="bgra")
    image = read(path)[0].interleaved()
    assert image.shape == (16, 32, 3)
    assert image[8, 8].tolist() == [200, 30, 60]
    assert image[8, 24].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [(None, None, range(25)), ("0.4", None, range(10, 25)), (None, "0.4", range(10)), ("0.2", "0.48", range(5, 12)),
     ("0.21", "0.25", range(6, 7))],
)  # fmt: skip
def test_trimming_keeps_the_frames_between_with_their_times(tmp_path: Path, start: str | None, end: str | None, wanted: range) -> None:
    path = make_video(tmp_path / "a.mp4", frames=25)
    frames = read(path, start=Fraction(start) if start else None, end=Fraction(end) if end else None)
    assert [frame.seconds for frame in frames] == [Fraction(index, 25) for index in wanted]
    assert np.abs(frames[0].interleaved().astype(int) - moving_image(wanted[0], 64, 48)).mean() < 6


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "libx264"), ("a.ts", "mpeg2video"), ("a.mpg", "mpeg2video")])
def test_streams_that_can_be_entered_anywhere_lose_no_frame_before_a_key_frame(tmp_path: Path, name: str, codec: str) -> None:
    form = "mpegts" if name.endswith(".ts") else "mpeg"
    path = make_video(tmp_path / name, frames=700, codec=codec, options={"g": "60", "bf": "2"}, form=form, time_base=Fraction(1, 25))
    whole = [frame.seconds for frame in read(path)]
    for start in (Fraction(3), Fraction(7), Fraction(201, 10)):
        with VideoSource(path, start=start, end=start + Fraction(1, 2)) as source:
            found = [frame.seconds for frame in source]
            assert not source.damaged
        assert found == [seconds for seconds in whole if start <= seconds < start + Fraction(1, 2)]


def test_trimming_to_nothing_is_an_error(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", frames=5)
    with pytest.raises(SourceError, match="no frame between 3 s and 4 s"):
        read(path, start=Fraction(3), end=Fraction(4))


@pytest.mark.parametrize(("start", "end"), [(Fraction(-1), None), (Fraction(2), Fraction(1)), (None, Fraction(0))])
def test_impossible_times_are_a_caller_s_mistake(start: Fraction | None, end: Fraction | None) -> None:
    with pytest.raises(ValueError, match="got"):
        VideoSource("a.mp4", start=start, end=end)


def test_a_transport_stream_s_arbitrary_clock_begins_at_zero(tmp_path: Path) -> None:
    hour = 3600 * 90_000
    path = make_video(tmp_path / "a.ts", frames=5, pts=[hour + 3600 * index for index in range(5)], time_base=Fraction(1, 90_000), form="mpegts")
    frames = read(path)
    assert [frame.seconds - frames[0].seconds for frame in frames] == [Fraction(index, 25) for index in range(5)]
    assert frames[0].seconds < 2


REORDERED = {"g": "12", "bf": "3", "x264-params": "open-gop=1:scenecut=0:keyint=12:min-keyint=12"}


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.avi", "libx264"), ("a.h264", "libx264"), ("a.avi", "mpeg4")],
)
def test_wherever_reading_starts_no_frame_behind_it_is_missing(tmp_path: Path, name: str, codec: str) -> None:
    options = REORDERED if codec == "libx264" else {"g": "12", "bf": "2"}
    form = {"a.ts": "mpegts", "a.h264": "h264"}.get(name)
    path = make_video(tmp_path / name, frames=50, codec=codec, options=options, form=form, time_base=Fraction(1, 25))
    with VideoSource(path, strict=True) as source:
        whole = [(frame.seconds, frame.interleaved()) for frame in source]
    assert len(whole) == 50
    assert len({later[0] - former[0] for former, later in itertools.pairwise(whole)}) == 1, "steady"
    for start, _ in whole[1::5]:
        with VideoSource(path, start=start, strict=True) as source:
            found = list(source)
        wanted = [frame for frame in whole if frame[0] >= start]
        assert [frame.seconds for frame in found] == [seconds for seconds, _ in wanted]
        assert np.array_equal(found[0].interleaved(), wanted[0][1])


@pytest.mark.parametrize(("suffix", "codec"), [(".ts", "libx264"), (".mpg", "mpeg2video")])
@pytest.mark.parametrize("start", [5, 22, 36])
def test_a_start_far_behind_a_key_frame_is_found(tmp_path: Path, suffix: str, codec: str, start: int) -> None:
    """Screens and security cameras are recorded at few images a second, with a key frame every 250 of them."""
    images = [moving_image(number, 32, 32) for number in range(400)]
    path = make_video(tmp_path / f"a{suffix}", images=images, time_base=Fraction(1, 25), options={"g": "600", "bf": "0"}, codec=codec)
    path = _slowed(path, tmp_path / f"b{suffix}", 5 / 2)
    whole = read(path)
    found = read(path, start=Fraction(start))
    assert [frame.pts for frame in found] == [frame.pts for frame in whole if frame.seconds >= start]
    assert np.array_equal(found[0].interleaved(), whole[len(whole) - len(found)].interleaved())


def _slowed(path: Path, target: Path, times: float) -> Path:
    """Write a video's packets again, farther apart."""
    with av.open(str(path)) as source, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                packet.pts, packet.dts, packet.stream = round(packet.pts * times), round(packet.dts * times), stream
                output.mux(packet)
    return target


def test_later_start_of_a_file_is_kept(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", frames=3, pts=[500, 540, 580], time_base=Fraction(1, 1000))
    assert [frame.pts for frame in read(path)] == [500, 540, 580]


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_refused_or_mapped(tmp_path: Path, transfer: int) -> None:
    path = make_video(tmp_path / "a.mkv", images=[chart()], codec="libx265", pixel_format="yuv420p10le", matrix=9, primaries=9, transfer=transfer)
    with pytest.raises(SourceError, match="HDR") as caught:
        read(path)
    assert "tonemap" in caught.value.hint
    image = read(path, hdr="tonemap")[0].interleaved()
    found = frame_at(path, Fraction(0), 1, hdr="tonemap")
    assert found is not None
    assert np.array_equal(found.interleaved(), image)
    colours = patches(image).astype(int)
    assert colours[6].min() > 235, "the brightest white becomes white"
    assert colours[7].max() < 8, "black stays black"
    assert np.ptp(colours[8]) <= 6, "grey stays grey, but for the coarse steps of the codec"
    assert colours[0].argmax() == 0
    assert colours[2].argmax() == 2


def test_images_that_change_size_midway_are_brought_to_the_first_size(tmp_path: Path) -> None:
    small = make_video(tmp_path / "small.h264", frames=4, size=(64, 48), form="h264")
    large = make_video(tmp_path / "large.h264", frames=4, size=(128, 96), form="h264")
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    frames = read(both)
    assert {(frame.width, frame.height) for frame in frames} == {(64, 48)}
    assert len(frames) == 8
    assert all(later.pts > frame.pts for frame, later in itertools.pairwise(frames))


def test_leaving_the_context_ends_the_iteration(tmp_path: Path) -> None:
    source = VideoSource(make_video(tmp_path / "a.mp4"))
    with source:
        frames = iter(source)
        next(frames)
    assert list(frames) == []


@pytest.mark.parametrize(
    ("options", "is_there"),
    [
        ({"matrix": 1}, True), ({"matrix": 6}, True), ({"matrix": 2}, True), ({"matrix": 1, "full_range": True}, False),
        ({"pixel_format": "yuv422p"}, False), ({"pixel_format": "yuv420p10le", "codec": "ffv1"}, False), ({"rotation": 90}, False),
        ({"size": (63, 48), "codec": "ffv1"}, False),
    ],
)  # fmt: skip
def test_frames_bring_what_is_stored_where_that_is_the_usual(tmp_path: Path, options: dict[str, object], is_there: bool) -> None:
    path = make_video(tmp_path / "a.mkv", frames=2, **options)  # type: ignore[arg-type]
    for frame, stored in zip(read(path), decoded(path), strict=True):
        assert (frame.yuv is not None) == is_there
        if frame.yuv is not None:
            planes = stored.to_ndarray()
            y, uv = frame.yuv.y, frame.yuv.uv
            assert np.array_equal(np.concatenate([y.ravel(), uv[..., 0].ravel(), uv[..., 1].ravel()]), planes.ravel())
            assert np.abs(frame.yuv.rgb().astype(int) - frame.interleaved()).max() <= 4
