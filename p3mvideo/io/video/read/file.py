"""Opens video files for reading, in the one way that source, copied streams and probing share."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from p3mvideo.errors import SourceError
from p3mvideo.io.av_errors import reading

TIMESTAMPS_ARE_ARBITRARY = 0x0200
"""FFmpeg's flag AVFMT_TS_DISCONT of a container format."""
NO_TIMESTAMPS = 0x0080
"""FFmpeg's flag AVFMT_NOTIMESTAMPS."""

AV_TIME_BASE = Fraction(1, 1_000_000)
"""Seconds per unit of a container's own times."""

MAX_RATE = 1000
"""Rates above this many frames per second are taken for a mistake of the container."""

FORMATS: Final = (
    # containers
    "mov", "matroska", "avi", "flv", "live_flv", "kux", "asf", "asf_o", "mpeg", "mpegts", "ogg", "mxf", "gxf", "nut", "rm", "dv", "wtv", "nsv", "nuv",
    "ivf", "swf", "ty", "pva", "lxf", "dhav", "ivr", "vividas", "xmv", "amv", "avs", "avs2", "avs3", "film_cpk", "filmstrip", "mlv", "cine",
    "moflex", "mods", "thp", "usm", "smk", "bink", "roq", "flic", "ea", "4xm", "psxstr", "wc3movie", "mm", "vmd", "idcin", "ipmovie", "anm",
    # bare streams
    "h264", "hevc", "vvc", "evc", "obu", "av1", "vc1", "vc1test", "m4v", "mpegvideo", "h261", "h263", "cavsvideo", "dirac", "dnxhd", "mjpeg",
    "mjpeg_2000", "smjpeg", "yuv4mpegpipe", "apv",
    # images, moving and still
    "gif", "apng", "webp", "ico", "fits", "jpegxl_anim", "avif", "bmp_pipe", "cri_pipe", "dds_pipe", "dpx_pipe", "exr_pipe", "gem_pipe", "gif_pipe",
    "hdr_pipe", "j2k_pipe", "jpeg_pipe", "jpegls_pipe", "jpegxl_pipe", "jpegxs_pipe", "pam_pipe", "pbm_pipe", "pcx_pipe", "pfm_pipe", "pgm_pipe",
    "pgmyuv_pipe", "pgx_pipe", "phm_pipe", "photocd_pipe", "pictor_pipe", "png_pipe", "ppm_pipe", "psd_pipe", "qdraw_pipe", "qoi_pipe", "sgi_pipe",
    "sunrast_pipe", "tiff_pipe", "vbn_pipe", "webp_pipe", "xbm_pipe", "xpm_pipe", "xwd_pipe",
    # sound, so that what is wrong with the file can be said
    "wav", "w64", "mp3", "aac", "ac3", "eac3", "flac", "aiff", "au", "caf", "amr", "ape", "dts", "dtshd", "truehd", "mlp", "tta", "wv", "voc",
)  # fmt: skip
"""What FFmpeg calls the formats that may be opened: those that hold their media themselves. Others name files and addresses that they are read
from (playlists, `image2` with a pattern in its name, VobSub), are devices, or take any text for media."""


def open_video_file(path: Path) -> InputContainer:
    """Open a media file for reading. Nothing but that file is opened, whatever it says.

    Raises:
        SourceError: If it is missing, empty or no media file.
    """
    with reading(path):
        if path.is_file() and path.stat().st_size == 0:
            raise SourceError(f"cannot read {path}: it is empty", hint="the file may not have been copied completely")
        # The prefix keeps FFmpeg from taking "name:rest.mp4" for a protocol.
        options = {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS)}
        try:
            return av.open(f"file:{path}", "r", options=options, metadata_errors="surrogateescape")
        except av.error.ArgumentError as error:  # a format that is not among them
            hint = "it is text, a list of other files, or of a kind that is not supported"
            raise SourceError(f"cannot read {path}: it holds no readable media", hint=hint) from error


def image_stream(container: InputContainer, name: Path | str) -> VideoStream:
    """Return the video stream to show: the first that is not merely a cover image.

    Raises:
        SourceError: If there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise SourceError(f"cannot read {name}: its video codec is not built into this FFmpeg", hint="convert it to H.264 first")
            return stream
    kinds = sorted({str(stream.type) for stream in container.streams}) or ["nothing"]
    raise SourceError(f"{name} has no video stream, only {', '.join(kinds)}", hint="name a file with images")


def clock_origin_seconds(container: InputContainer) -> Fraction:
    """Return what to subtract from the file's times.

    Zero where the file's clock is its own; the first timestamp in formats whose clock is arbitrary (MPEG transport streams
    and the like, which may start after 26 hours).
    """
    if container.format.flags & TIMESTAMPS_ARE_ARBITRARY and container.start_time is not None:
        return container.start_time * AV_TIME_BASE
    return Fraction(0)


def frame_rate(stream: VideoStream) -> Fraction | None:
    """Return the frames per second of a stream, None where it does not say or cannot mean it."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= MAX_RATE:
            return Fraction(rate)
    return None


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
    """Return the width of a pixel by its height in an image of `width` x `height` as shown, made from this stream."""
    shape = stream.sample_aspect_ratio
    if not shape or shape == 1:
        return Fraction(1)
    stored = (stream.codec_context.width, stream.codec_context.height)
    if (width, height) == stored:
        return shape
    return 1 / shape if (height, width) == stored else Fraction(1)
