"""Writes frames to a pipe: y4m, raw video or PNG."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO, Final

import av
from av.video.reformatter import ColorRange, VideoReformatter

from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.av_errors import writing
from p3mvideo.io.colour import Colour, usual_matrix
from p3mvideo.io.images.file import encode_image
from p3mvideo.io.plane_view import plane_view
from p3mvideo.options.media import PipeForm

NAME: Final = "standard output"
RAW_FORMATS: Final = ("rgb24", "rgba", "bgr24", "bgra", "yuv420p", "yuv444p")


class PipeSink:
    """Writes frames to a pipe as they come. What has gone through cannot be taken back.

    Args:
        info: Size and rate of the frames.
        stream: Where to write; standard output if None. It stays open.
        form: y4m (yuv420p, limited range, with the usual matrix of the size), rawvideo, or one PNG after the other.
        pixel_format: One of `RAW_FORMATS`, for rawvideo; rgb24 or rgba by default.
        alpha: Whether frames have four channels, straight RGBA.

    Raises:
        ConfigError: If the form cannot hold the frames.
        SinkError: If standard output is closed.
    """

    def __init__(
        self,
        info: StreamInfo,
        *,
        stream: BinaryIO | None = None,
        form: PipeForm = "y4m",
        pixel_format: str | None = None,
        alpha: bool = False,
    ) -> None:
        self._info, self._alpha, self._form = info, alpha, form
        if stream is None and sys.stdout is None:
            raise SinkError(f"cannot write {NAME}: it is closed", hint="name a file, or let another program read it")
        self._stream = stream if stream is not None else sys.stdout.buffer
        self._pixel_format = _pixel_format(form, pixel_format, alpha=alpha)
        if form == "y4m" and info.rate is None:
            raise ConfigError("y4m needs a steady rate, and the input has none", hint="write a file, or rawvideo")
        self._colour = Colour(usual_matrix(info.height))
        self._reformatter = VideoReformatter()
        self._taken = 0
        self._closed = False

    def write(self, frame: Frame) -> None:
        """Take one frame; all have the size of `info`.

        Raises:
            SinkError: If the reader of the pipe has gone.
        """
        if self._closed:
            raise ValueError("the sink is closed")
        shape = (4 if self._alpha else 3, self._info.height, self._info.width)
        if frame.shape != shape:
            raise ValueError(f"expected a frame of {shape}, got {frame.shape}")
        with writing(NAME):
            if self._form == "png":
                self._stream.write(encode_image(frame.interleaved(), Path("frame.png")))
            else:
                if self._form == "y4m":
                    self._stream.write(b"FRAME\n" if self._taken else self._y4m_header() + b"FRAME\n")
                for plane in self._planes(frame):
                    self._stream.write(plane)
        self._taken += 1

    def finish(self) -> None:
        """Send what is still held.

        Raises:
            SinkError: If there was no frame, or the reader of the pipe has gone.
        """
        if not self._taken:
            raise SinkError(f"nothing was written to {NAME}: there was no frame", hint="check the input")
        with writing(NAME):
            self._stream.flush()

    def close(self) -> None:
        """Stop. May be called any number of times."""
        self._closed = True

    def _y4m_header(self) -> bytes:
        rate = self._info.rate
        assert rate is not None
        return (
            f"YUV4MPEG2 W{self._info.width} H{self._info.height} F{rate.numerator}:{rate.denominator} Ip A1:1"
            " C420jpeg XYSCSS=420JPEG XCOLORRANGE=LIMITED\n"
        ).encode()

    def _planes(self, frame: Frame) -> list[bytes]:
        pixels = frame.interleaved()
        given = "rgba" if self._alpha else "rgb24"
        if self._pixel_format == given:
            return [pixels.tobytes()]
        converted = self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(pixels, given),
            format=self._pixel_format,
            src_colorspace=self._colour.swscale_matrix,
            dst_colorspace=self._colour.swscale_matrix,
            src_color_range=ColorRange.JPEG,
            dst_color_range=self._colour.swscale_range,
            threads=1,
        )
        bytes_per_pixel = converted.format.padded_bits_per_pixel // 8 if len(converted.planes) == 1 else 1
        return [plane_view(plane, bytes_per_pixel=bytes_per_pixel).tobytes() for plane in converted.planes]


def _pixel_format(form: PipeForm, wanted: str | None, *, alpha: bool) -> str:
    if form != "rawvideo" and wanted is not None:
        raise ConfigError(f"a pixel format does not apply to {form}", hint="leave it out, or write rawvideo")
    if form == "y4m" and alpha:
        raise ConfigError("y4m cannot hold alpha", hint="use rawvideo with rgba, or png")
    if form == "y4m":
        return "yuv420p"
    chosen = wanted or ("rgba" if alpha else "rgb24")
    if chosen not in RAW_FORMATS:
        raise ConfigError(f"raw video cannot be written as {chosen}", hint=f"use one of {', '.join(RAW_FORMATS)}")
    if alpha and chosen not in ("rgba", "bgra"):
        raise ConfigError(f"{chosen} cannot hold alpha", hint="use rgba or bgra")
    return chosen
