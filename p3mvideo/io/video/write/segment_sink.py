"""Encodes frames into one segment of a video, to be joined with others later."""

from __future__ import annotations

import contextlib
import io
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av.container import OutputContainer

from p3mvideo.errors import SinkError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.av_errors import explaining, writing
from p3mvideo.io.part_file import PartFile
from p3mvideo.io.video.read.file import image_stream, open_video_file
from p3mvideo.io.video.write.codecs import container_for
from p3mvideo.io.video.write.encoder import VideoEncoder, check_frame, encoder_like, first_alpha_of
from p3mvideo.io.video.write.hardware import choose_encoder
from p3mvideo.io.video.write.segment import SegmentWriter
from p3mvideo.options import WriteOptions


class SegmentSink:
    """Encodes frames that follow each other as `VideoSink` would encode them, into a segment.

    Args:
        path: The segment's file; it appears in `finish`, complete.
        video: The file that the segments will be joined into.
        info: Size and rate of the frames.
        options: How the video is written.
        source: The video that the frames come from.
        alpha: Whether frames have four channels, straight RGBA.
        start: Where the whole output begins in `source`, in seconds.
        threads: Threads to encode with, 0 for as many as there are cores.

    Raises:
        ConfigError: Codec, alpha and quality do not go together.
        SinkError: The file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        video: Path,
        info: StreamInfo,
        options: WriteOptions,
        *,
        source: Path,
        alpha: bool = False,
        start: Fraction | None = None,
        threads: int = 0,
    ) -> None:
        self._path, self._video_path, self._info, self._options, self._source = path, video, info, options, source
        self._alpha, self._start, self._threads = alpha, start or Fraction(0), threads
        self._encoder = choose_encoder(video, options.codec, alpha=alpha)
        self._quality = self._encoder.quality_options(options.crf, options.bitrate)
        self._part = PartFile(path, overwrite=True)
        self._file: BinaryIO | None = None
        self._writer: SegmentWriter | None = None
        self._output: OutputContainer | None = None
        self._video: VideoEncoder | None = None

    def write(self, frame: Frame) -> None:
        """See `FrameSink`."""
        check_frame(frame, self._info, alpha=self._alpha)
        with writing(self._path):
            if self._video is None:
                self._begin(frame)
            assert self._video is not None
            assert self._writer is not None
            for packet in self._video.encode(frame, frame.pts - round(self._start / frame.time_base)):
                self._writer.write(packet)

    def finish(self) -> None:
        """See `FrameSink`."""
        if self._video is None or self._writer is None or self._file is None:
            raise SinkError(f"{self._path} was not written: there was no frame", hint="check the input")
        with writing(self._path):
            for packet in self._video.flush():
                self._writer.write(packet)
            self._file.close()
            self._part.publish()

    def close(self) -> None:
        """See `FrameSink`."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take was told when it was written
                self._file.close()
        self._part.discard()
        output, self._output = self._output, None
        if output is not None:
            with contextlib.suppress(av.error.FFmpegError, OSError):
                output.close()

    def _begin(self, frame: Frame) -> None:
        """Open an encoder like that of the whole video, for a container of its kind that is never read."""
        self._output = output = av.open(io.BytesIO(), "w", format=container_for(self._video_path).ffmpeg_name)
        with open_video_file(self._source) as original:
            self._video = encoder_like(
                image_stream(original, self._source), output, self._encoder, self._info, time_base=frame.time_base, quality=self._quality,
                alpha=self._alpha, threads=self._threads, even=self._options.even,
            )  # fmt: skip
        with explaining():
            output.start_encoding()
        self._file = self._part.path.open("wb")
        self._writer = SegmentWriter(self._file)
        self._writer.begin(self._video.stream, frame.time_base, first_alpha_of(frame, self._options.even) if self._alpha else None)
