"""Opens video files for reading, in the one way that source, copied streams and probing share."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from p3mvideo.errors import SourceError
from p3mvideo.io.av_errors import reading

TIMESTAMPS_ARE_ARBITRARY = 0x0200
"""FFmpeg's flag AVFMT_TS_DISCONT of a container format."""

AV_TIME_BASE = Fraction(1, 1_000_000)
"""Seconds per unit of a container's own times."""

TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf", "hls", "concat", "ffmetadata", "sdp", "webvtt", "srt", "ass"})
"""What FFmpeg calls formats that are text or only name other files; none of them is a video file."""


def open_video_file(path: Path) -> InputContainer:
    """Open a media file for reading. Nothing but that file is opened, whatever it says.

    Raises:
        SourceError: If it is missing, empty or no media file.
    """
    with reading(path):
        if path.is_file() and path.stat().st_size == 0:
            raise SourceError(f"cannot read {path}: it is empty", hint="the file may not have been copied completely")
        # The prefix keeps FFmpeg from taking "name:rest.mp4" for a protocol.
        container = av.open(f"file:{path}", "r", options={"protocol_whitelist": "file"}, metadata_errors="surrogateescape")
    if container.format.name in TEXT_FORMATS:
        container.close()
        raise SourceError(f"cannot read {path}: it holds no readable media", hint="the file is text or a list of other files")
    return container


def picture_stream(container: InputContainer, name: Path | str) -> VideoStream:
    """Return the video stream to show: the first that is not merely a cover picture.

    Raises:
        SourceError: If there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise SourceError(f"cannot read {name}: its video codec is not built into this FFmpeg", hint="convert it to H.264 first")
            return stream
    kinds = sorted({str(stream.type) for stream in container.streams}) or ["nothing"]
    raise SourceError(f"{name} has no video stream, only {', '.join(kinds)}", hint="name a file with pictures")


def clock_origin_seconds(container: InputContainer) -> Fraction:
    """Return what to subtract from the file's times.

    Zero where the file's clock is its own; the first timestamp in formats whose clock is arbitrary (MPEG transport streams
    and the like, which may start after 26 hours).
    """
    if container.format.flags & TIMESTAMPS_ARE_ARBITRARY and container.start_time is not None:
        return container.start_time * AV_TIME_BASE
    return Fraction(0)


def tagged_duration_seconds(stream: VideoStream) -> Fraction | None:
    """Return where the stream ends by the DURATION tag that Matroska files carry, None if it has none."""
    for key, value in stream.metadata.items():
        if key.upper().startswith("DURATION"):
            hours, _, rest = value.partition(":")
            minutes, _, seconds = rest.partition(":")
            try:
                return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
            except ValueError:
                return None
    return None


def pixel_shape(stream: VideoStream, width: int, height: int) -> Fraction:
    """Return the width of a pixel by its height in a picture of `width` x `height` as shown, made from this stream."""
    shape = stream.sample_aspect_ratio
    if not shape or shape == 1:
        return Fraction(1)
    stored = (stream.codec_context.width, stream.codec_context.height)
    if (width, height) == stored:
        return shape
    return 1 / shape if (height, width) == stored else Fraction(1)
