"""Images as people have them: interlaced, with alpha beside them, of odd sizes, encrypted, for other displays."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from p3mvideo.errors import SourceError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.io.video.read.unshowable import refuse_unshowable
from p3mvideo.io.video.write.sink import VideoSink
from p3mvideo.options.media import Even
from tests.io.media import decoded, frames_for, info_of, make_video, moving_image, write_all
from tests.io.mp4_surgery import insert_in_sample_entry


def read(path: Path, **options: object) -> list[Frame]:
    with VideoSource(path, **options) as source:  # type: ignore[arg-type]
        return list(source)


def write(path: Path, frames: list[Frame], **options: object) -> Path:
    write_all(VideoSink(path, info_of(frames), **options), frames)  # type: ignore[arg-type]
    return path


def bar(x: int) -> UInt8Array:
    """A white bar 16 px wide on grey, that begins at x."""
    image = np.full((64, 128, 3), 90, np.uint8)
    image[:, x : x + 16] = 235
    return image


def interlaced(frames: int) -> list[UInt8Array]:
    """Return frames of two fields each; the bar moves 4 px from field to field."""
    images = []
    for number in range(frames):
        image = bar(8 * number)
        image[1::2] = bar(8 * number + 4)[1::2]
        images.append(image)
    return images


def comb(image: UInt8Array) -> float:
    """Return how much neighbouring rows differ beyond those two apart: high if a frame shows two moments."""
    rows = image.astype(float).mean(axis=2)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean() - np.abs(rows[2:] - rows[:-2]).mean() / 2)


@pytest.mark.parametrize("name", ["s.mp4", "s.mkv"])
def test_interlaced_video_becomes_progressive_frame_by_frame(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    images = interlaced(12)
    source = make_video(tmp_path / name, images=images, options={"x264-params": "tff=1"})
    assert all(rgb.interlaced_frame for rgb in decoded(source))
    frames = read(source)
    assert [frame.seconds for frame in frames] == [Fraction(number, 25) for number in range(12)]
    assert comb(images[5]) > 4
    assert max(comb(frame.interleaved()) for frame in frames) < 1
    for number in (0, 5, 11):  # the image is that of its own frame
        bright = np.flatnonzero(frames[number].interleaved().mean(axis=(0, 2)) > 160)
        assert abs(bright.mean() - (8 * number + 7.5)) < 5
    assert sum("interlaced" in record.message for record in caplog.records) == 1
    path = write(tmp_path / "a.mp4", frames)
    assert not any(rgb.interlaced_frame for rgb in decoded(path))


def test_a_part_of_interlaced_video_has_its_frames(tmp_path: Path) -> None:
    source = make_video(tmp_path / "s.mp4", images=interlaced(12), options={"x264-params": "tff=1"})
    frames = read(source, start=Fraction(4, 25), end=Fraction(9, 25))
    assert [frame.seconds for frame in frames] == [Fraction(number, 25) for number in range(4, 9)]


def test_interlaced_images_too_small_for_the_filter_are_shown_as_they_are(tmp_path: Path) -> None:
    """Of y4m the header alone says that the frames are interlaced."""
    path = tmp_path / "s.y4m"
    path.write_bytes(b"YUV4MPEG2 W8 H2 F25:1 It A1:1 C420jpeg\n" + (b"FRAME\n" + bytes(range(24))) * 3)
    assert all(rgb.interlaced_frame for rgb in decoded(path))
    assert len(read(path)) == 3


def test_progressive_video_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames = read(make_video(tmp_path / "s.mp4", frames=3))
    assert len(frames) == 3
    assert not caplog.records


@pytest.mark.parametrize("name", ["a.webm", "a.mkv"])
def test_alpha_of_vp9_is_laid_on_white_as_other_alpha_is(tmp_path: Path, name: str) -> None:
    image = np.dstack([moving_image(0, 64, 48), np.zeros((48, 64), np.uint8)])
    image[:, 32:, 3] = 255
    path = write(tmp_path / name, frames_for([image] * 3), codec="vp9", alpha=True)
    frames = read(path)
    assert len(frames) == 3
    shown = frames[1].interleaved().astype(int)
    assert shown[:, :24].min() > 245, "what is transparent is white"
    assert np.abs(shown[:, 40:] - image[:, 40:, :3]).mean() < 8
    again = write(tmp_path / "b.mkv", frames, source=path)
    with av.open(str(again)) as container:
        assert not any(key.lower() == "alpha_mode" for key in container.streams.video[0].metadata), "there is no alpha any more"


@pytest.mark.parametrize(("even", "size", "pixels"), [("keep", (67, 45), "yuv444p"), ("pad", (68, 46), "yuv420p"), ("crop", (66, 44), "yuv420p")])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_odd_sizes_can_be_made_even(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, codec: str, even: Even, size: tuple[int, int], pixels: str
) -> None:
    images = [moving_image(number, 67, 45) for number in range(3)]
    with caplog.at_level(logging.WARNING):
        path = write(tmp_path / "a.mp4", frames_for(images), codec=codec, even=even)
    rgb = next(decoded(path))
    assert ((rgb.width, rgb.height), rgb.format.name) == (size, pixels)
    assert ("--even pad or crop" in caplog.text) == (even == "keep")
    shown = rgb.to_ndarray(format="rgb24").astype(int)
    assert np.abs(shown[:44, :66] - images[0][:44, :66]).mean() < 8
    if even == "pad":
        assert np.abs(shown[:44, 67] - images[0][:44, 66]).mean() < 12, "the edge is repeated"


def test_alpha_of_an_odd_size_can_be_made_even(tmp_path: Path) -> None:
    image = np.dstack([moving_image(0, 67, 45), np.full((45, 67), 255, np.uint8)])
    image[:, :30, 3] = 0
    path = write(tmp_path / "a.mov", frames_for([image]), alpha=True, even="pad")
    assert [(rgb.width, rgb.height) for rgb in decoded(path)] == [(68, 46)]


def test_encrypted_video_is_called_so(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "a.mp4", frames=10, audio="aac",
        container_options={"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb", "encryption_kid": "0" * 32},
    )  # fmt: skip
    with pytest.raises(SourceError, match="encrypted"):
        read(path)


def dolby_record(profile: int, compatible_with: int) -> bytes:
    """Return a DOVIDecoderConfigurationRecord."""
    return bytes([1, 0, profile << 1, 0b101, compatible_with << 4]) + bytes(19)


@pytest.mark.parametrize("hdr", ["refuse", "tonemap"])
def test_dolby_vision_that_only_dolby_shows_is_refused(tmp_path: Path, hdr: str) -> None:
    box = (32).to_bytes(4, "big") + b"dvcC" + dolby_record(5, 0)
    path = insert_in_sample_entry(make_video(tmp_path / "a.mp4", frames=3, codec="libx265"), b"hev1", box)
    assert len(list(decoded(path))) == 3, "FFmpeg decodes it"
    with pytest.raises(SourceError, match="Dolby Vision profile 5"):
        read(path, hdr=hdr)


def test_dolby_vision_with_a_base_layer_for_others_is_read(tmp_path: Path) -> None:
    box = (32).to_bytes(4, "big") + b"dvvC" + dolby_record(8, 2)
    path = insert_in_sample_entry(make_video(tmp_path / "a.mp4", frames=3, codec="libx265"), b"hev1", box)
    assert len(read(path)) == 3


def test_dolby_vision_is_found_in_matroska(tmp_path: Path) -> None:
    mapping = b"\x41\xf0\x81\x01\x41\xe7\x84dvcC\x41\xed\x98" + dolby_record(5, 0)
    path = tmp_path / "a.mkv"
    path.write_bytes(b"\x1aE\xdf\xa3" + bytes(100) + mapping)
    with pytest.raises(SourceError, match="profile 5"):
        refuse_unshowable(path)
    path.write_bytes(b"\x1aE\xdf\xa3" + bytes(100) + mapping.replace(dolby_record(5, 0), dolby_record(8, 4)))
    refuse_unshowable(path)
