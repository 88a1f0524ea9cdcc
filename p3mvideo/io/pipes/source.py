"""Frames from a pipe: an image, y4m or raw video."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO, Final, Self

import av
from av.container import InputContainer

from p3mvideo.errors import ConfigError, SourceError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.av_errors import reading
from p3mvideo.io.damage import DamagedRange
from p3mvideo.io.images.animation import AnimatedImageSource
from p3mvideo.io.images.recognition import START_BYTES, image_format, is_animated
from p3mvideo.io.images.source import ImageSource
from p3mvideo.io.pipes.reader import PipeReader
from p3mvideo.io.video.read.decoded_source import DecodedSource
from p3mvideo.io.video.read.truncation import Y4M_MAGIC

logger = logging.getLogger(__name__)

NAME: Final = "standard input"


class PipeSource:
    """What comes through a pipe: an image, y4m (both recognized), or raw video (whose form must be said).

    Args:
        stream: Where to read from; standard input if None. It stays open.
        size: (width, height) in pixels, for raw video.
        rate: Frames per second, for raw video.
        pixel_format: What FFmpeg calls the form of the pixels, such as rgb24 or yuv420p, for raw video.
        strict: Whether a stream that is cut short raises `DamagedInputError`.

    Raises:
        ConfigError: If only a part of size, rate and pixel format is given, or the format is unknown.
        SourceError: If standard input is closed.
    """

    def __init__(
        self,
        stream: BinaryIO | None = None,
        *,
        size: tuple[int, int] | None = None,
        rate: Fraction | None = None,
        pixel_format: str | None = None,
        strict: bool = False,
    ) -> None:
        if len({size is None, rate is None, pixel_format is None}) > 1:
            raise ConfigError("raw video needs size, rate and pixel format", hint="give all three, or pipe y4m, which says them itself")
        self._raw: dict[str, str] | None = None
        if size is not None and rate is not None and pixel_format is not None:
            _check_pixel_format(pixel_format)
            if min(size) < 1 or rate <= 0:
                raise ConfigError(f"raw video of {size[0]}x{size[1]} at rate {rate} is impossible", hint="both are positive")
            self._raw = {
                "video_size": f"{size[0]}x{size[1]}",
                "framerate": f"{rate.numerator}/{rate.denominator}",
                "pixel_format": pixel_format,
            }
        if stream is None and sys.stdin is None:
            raise SourceError(f"cannot read {NAME}: it is closed", hint="name a file, or let another program write it")
        self._reader = PipeReader(stream if stream is not None else sys.stdin.buffer)
        self._strict = strict
        self._source: DecodedSource | AnimatedImageSource | ImageSource | None = None
        self._stack = ExitStack()

    @property
    def info(self) -> StreamInfo:
        """What the stream says of itself; valid inside the context."""
        if self._source is None:
            raise ValueError("a pipe's info is valid inside its context only")
        return self._source.info

    @property
    def damaged(self) -> tuple[DamagedRange, ...]:
        """What could not be decoded so far."""
        return self._source.damaged if self._source is not None else ()

    def __enter__(self) -> Self:
        """Wait for the first frame.

        Raises:
            SourceError: If nothing comes, or it is none of the forms.
        """
        self._source = self._recognize()
        self._stack.enter_context(self._source)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._reader.stop()
        self._stack.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames as they come."""
        if self._source is not None:
            yield from self._source

    def _recognize(self) -> DecodedSource | AnimatedImageSource | ImageSource:
        if self._raw is not None:
            return self._video("rawvideo")
        with reading(NAME):
            start = self._reader.peek(START_BYTES)
        if start.startswith(Y4M_MAGIC):
            return self._video("yuv4mpegpipe")
        form = image_format(start)
        if form is not None:
            with reading(NAME):
                data = self._reader.read()
            if is_animated(io.BytesIO(data), form):
                return AnimatedImageSource(NAME, data=data, strict=self._strict)
            return ImageSource(NAME, data=data)
        if not start:
            raise SourceError(f"nothing came through {NAME}", hint="check the program that feeds it")
        raise SourceError(f"what comes through {NAME} is neither an image nor y4m", hint="for raw video give size, rate and pixel format")

    def _video(self, form: str) -> DecodedSource:
        return DecodedSource(
            lambda: self._open(form),
            NAME,
            strict=self._strict,
            is_cut_short=lambda last_position: self._reader.received > last_position,
        )

    def _open(self, form: str) -> InputContainer:
        with reading(NAME):
            return av.open(self._reader, "r", format=form, options=self._raw or {})


def _check_pixel_format(name: str) -> None:
    try:
        av.VideoFormat(name)
    except ValueError as error:
        raise ConfigError(f"unknown pixel format {name}", hint="use one of FFmpeg's, such as rgb24 or yuv420p") from error
