"""Writes frames to a video file, with everything else of the video that they come from."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable
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
from p3mvideo.io.part_file import PartFile
from p3mvideo.io.video.read.packets import count_packets
from p3mvideo.io.video.write.alpha_check import check_alpha
from p3mvideo.io.video.write.codecs import container_for
from p3mvideo.io.video.write.encoder import VideoEncoder, check_frame, encoder_like, first_alpha_of
from p3mvideo.io.video.write.even_size import even_info
from p3mvideo.io.video.write.hardware import choose_encoder
from p3mvideo.io.video.write.segment import Segment
from p3mvideo.io.video.write.streams.stream_copy import StreamCopy
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
        codec: h264, hevc, vp9, ffv1 or prores; None for the container's default; see `choose_encoder` for encoders in hardware.
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
        DeviceError: If a hardware encoder was asked for by name and does not work here.
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
        written = even_info(info, even)
        self._encoder = choose_encoder(self._path, codec, alpha=alpha, size=(written.width, written.height))
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
        self._joined = False
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
                if self._video is None:
                    self._begin(frame.time_base, first_alpha_of(frame, self._even) if self._alpha else None)
                shift = round((self._start or 0) / frame.time_base)
                assert self._video is not None
                self._mux(self._video.encode(frame, frame.pts - shift))
            self._taken += 1

    def join(self, segments: Iterable[Segment]) -> int:
        """Take encoded segments instead of frames, in order; they were written by `SegmentSink` with the same options.

        Returns:
            How many frames they hold.

        Raises:
            SinkError: They do not belong together, or cannot be written.
        """
        with self._lock, writing(self._path):
            self._joined = True
            last_dts: int | None = None
            for segment in segments:
                if self._video is None:
                    self._begin(segment.info.frame_time_base, segment.info.first_alpha)
                assert self._video is not None
                if (self._video.stream.codec_context.extradata or b"") != segment.info.extradata:
                    raise SinkError(f"{self._path} cannot be joined: its segments were not encoded alike", hint="remove its work folder in .p3mvideo")
                for packet in segment.packets():
                    # Encoders shift decoding times to leave room for reordering; at a join they may meet those before it.
                    if last_dts is not None and packet.dts is not None and packet.dts <= last_dts:
                        packet.dts = last_dts + 1
                    last_dts = packet.dts
                    packet.stream = self._video.stream
                    self._mux([packet])
                    self._taken += 1
            return self._taken

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
                if not self._joined:
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
        check_frame(frame, self._info, alpha=self._alpha)

    def _begin(self, time_base: Fraction, first_alpha: UInt8Array | None) -> None:
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
        self._video = video = encoder_like(
            original, output, self._encoder, self._info, time_base=time_base, quality=self._quality, alpha=self._alpha, threads=self._threads,
            even=self._even,
        )  # fmt: skip
        if self._copy is not None and original is not None:
            video.stream.metadata.update(self._copy.kept(original.metadata))
            video.stream.disposition = original.disposition
            self._copy.begin(output)
        with explaining():
            output.start_encoding()
        self._first_alpha = first_alpha
        if not self._alpha and "444" in (video.stream.codec_context.pix_fmt or "") and self._encoder.odd_pixel_format is not None:
            logger.warning(
                "%s is written in 4:4:4, which phones and many browsers do not play, because its size is odd (%dx%d); --even pad or crop gives 4:2:0",
                self._path, self._info.width, self._info.height,
            )  # fmt: skip

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
