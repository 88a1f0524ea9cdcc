"""Writes frames to a video file, with everything else of the video that they come from."""

from __future__ import annotations

import contextlib
import logging
import threading
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.av_errors import explaining, writing
from p3mvideo.io.colour import colour_of, colour_to_write
from p3mvideo.io.part_file import PartFile
from p3mvideo.io.video.read.file import pixel_shape
from p3mvideo.io.video.read.packets import count_packets
from p3mvideo.io.video.write.alpha_check import check_alpha
from p3mvideo.io.video.write.codecs import container_for, encoder_for
from p3mvideo.io.video.write.encoder import VideoEncoder
from p3mvideo.io.video.write.even_size import even_image
from p3mvideo.io.video.write.stream_copy import StreamCopy
from p3mvideo.options.media import Even

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 1.0
"""How long closing waits for a frame that another thread is writing."""


class VideoSink:
    """Encodes frames into an mp4, mov, mkv or webm file; each keeps its time and duration.

    The file appears under its name in `finish`, complete; until then it is called `NAME.part`.

    Args:
        path: The file; its suffix says the container.
        info: Size and rate of the frames. The rate only guides the encoder; frames are shown when they say.
        source: The video that the frames come from; its sound, subtitles, chapters and metadata are copied, and its colour
            tags kept.
        codec: h264, hevc, vp9, ffv1 or prores; None for the container's default.
        crf: Constant quality, on the codec's own scale.
        bitrate: Bits per second, instead of a quality.
        alpha: Whether frames have four channels, straight RGBA.
        overwrite: Whether an existing file may be replaced.
        start: Where the frames begin in `source`, in seconds; becomes time zero of the file.
        end: Where they end in `source`.
        threads: Threads to encode with, 0 for as many as there are cores.
        sound: Whether the sound of `source` is copied.
        identity: Whether what may show or name someone is copied from `source`; see `StreamCopy`.
        even: What becomes of an odd width or height.

    Raises:
        ConfigError: If path, codec, alpha and quality do not go together.
        SinkError: If the file exists, or its folder is missing, read-only or too full.
    """

    def __init__(
        self,
        path: Path | str,
        info: StreamInfo,
        *,
        source: Path | None = None,
        codec: str | None = None,
        crf: int | None = None,
        bitrate: int | None = None,
        alpha: bool = False,
        overwrite: bool = False,
        start: Fraction | None = None,
        end: Fraction | None = None,
        threads: int = 0,
        sound: bool = True,
        identity: bool = True,
        even: Even = "keep",
    ) -> None:
        self._path, self._info, self._source, self._alpha, self._threads = Path(path), info, source, alpha, threads
        self._start, self._end = start, end
        self._sound, self._identity = sound, identity
        self._even: Even = even
        self._encoder = encoder_for(self._path, codec, alpha=alpha)
        self._quality = self._encoder.quality_options(crf, bitrate)
        if source is not None and self._path.exists() and self._path.samefile(source):
            raise ConfigError(f"{self._path} is both input and output", hint="choose another output name")
        pixels = info.width * info.height * (info.frames or 0)
        self._part = PartFile(self._path, overwrite=overwrite, expected_bytes=int(pixels * self._encoder.bytes_per_pixel))
        self._output: OutputContainer | None = None
        self._video: VideoEncoder | None = None
        self._copy: StreamCopy | None = None
        self._taken = self._muxed = 0
        self._first_alpha: UInt8Array | None = None
        self._lock = threading.Lock()
        self._closed = False

    def write(self, frame: Frame) -> None:
        """Take one frame; all have the size of `info`.

        Raises:
            SinkError: If it cannot be written.
        """
        with self._lock:
            self._check_frame(frame)
            with writing(self._path):
                video = self._video or self._begin(frame)
                shift = round((self._start or 0) / frame.time_base)
                self._mux(video.encode(frame, frame.pts - shift))
            self._taken += 1

    def finish(self) -> None:
        """Complete the file, check that it holds all frames (and their alpha), and publish it under its name.

        Raises:
            SinkError: If there was no frame, or the file cannot be completed or does not hold what was written.
        """
        with self._lock:
            if self._closed:
                raise ValueError("the sink is closed")
            if self._video is None or self._output is None:
                raise SinkError(f"{self._path} was not written: there was no frame", hint="check the input")
            with writing(self._path):
                self._mux(self._video.flush())
                if self._copy is not None:
                    self._copy.finish()
                self._output.close()
                written = count_packets(self._part.path)
            if not self._taken == self._muxed == written:
                raise SinkError(
                    f"{self._path} was not written: it took {self._taken} frames and holds {min(written, self._muxed)}",
                    hint="try another codec or container",
                )
            if self._first_alpha is not None:
                check_alpha(self._part.path, self._first_alpha, name=self._path)
            self._part.publish()

    def close(self) -> None:
        """Release everything; without `finish` before it, nothing is left behind. May be called any number of times."""
        if self._closed:
            return
        self._closed = True
        # First the file, then its container: completing a file that no one will see would take time.
        self._part.discard()
        if not self._lock.acquire(timeout=CLOSE_SECONDS):
            return  # another thread hangs in FFmpeg, which must not be closed under a running call; it ends with that thread
        try:
            if self._output is not None:
                with contextlib.suppress(av.error.FFmpegError, OSError):
                    self._output.close()
            self._part.discard()
            if self._copy is not None:
                self._copy.close()
        finally:
            self._lock.release()

    def _check_frame(self, frame: Frame) -> None:
        if self._closed:
            raise ValueError("the sink is closed")
        channels = 4 if self._alpha else 3
        if tuple(frame.image.shape) != (channels, self._info.height, self._info.width):
            raise ValueError(f"expected a frame of ({channels}, {self._info.height}, {self._info.width}), got {tuple(frame.image.shape)}")

    def _begin(self, frame: Frame) -> VideoEncoder:
        """Open the container, now that the frames' unit of time is known."""
        container = container_for(self._path)
        if self._source is not None:
            self._copy = StreamCopy(self._source, start=self._start, end=self._end, sound=self._sound, identity=self._identity)
        original = self._copy.video if self._copy is not None else None
        self._output = output = av.open(
            f"file:{self._part.path}",
            "w",
            format=container.ffmpeg_name,
            metadata_errors="surrogateescape",
            container_options=self._container_options(container.ffmpeg_name),
        )
        video = VideoEncoder(
            output,
            self._encoder,
            self._info,
            time_base=frame.time_base,
            colour=colour_to_write(self._info.height, colour_of(original.codec_context) if original is not None else None),
            quality=self._quality,
            alpha=self._alpha,
            threads=self._threads,
            sample_aspect_ratio=pixel_shape(original, self._info.width, self._info.height) if original else Fraction(1),
            even=self._even,
        )
        if self._copy is not None and original is not None:
            video.stream.metadata.update(self._copy.kept(original.metadata))
            video.stream.disposition = original.disposition
            self._copy.begin(output)
        with explaining():
            output.start_encoding()
        if self._alpha:
            self._first_alpha = even_image(frame.interleaved(), self._even)[..., 3].copy()
        elif "444" in (video.stream.codec_context.pix_fmt or "") and self._encoder.odd_pixel_format is not None:
            logger.warning(
                "%s is written in 4:4:4, which phones and many browsers do not play, because its size is odd (%dx%d); --even pad or crop gives 4:2:0",
                self._path, self._info.width, self._info.height,
            )  # fmt: skip
        self._video = video
        return video

    def _container_options(self, name: str) -> dict[str, str]:
        if name not in ("mp4", "mov"):
            # Otherwise FFmpeg moves the whole file by the priming of the sound, which lies before zero.
            return {"avoid_negative_ts": "disabled"}
        # The index in front lets a player on the web begin before the file is loaded.
        flags = "+faststart"
        if self._copy is not None and self._copy.has_free_metadata:
            flags += "+use_metadata_tags"
        return {"movflags": flags}

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        assert self._output is not None
        for packet in packets:
            if self._copy is not None and packet.dts is not None:
                self._copy.advance(packet.dts * packet.time_base)
            self._output.mux_one(packet)
            self._muxed += 1
