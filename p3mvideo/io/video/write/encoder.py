"""Encodes frames into the video stream of a container."""

from __future__ import annotations

from fractions import Fraction

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream

from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.colour import Colour
from p3mvideo.io.video.write.codecs import Encoder
from p3mvideo.io.video.write.even_size import even_image, even_info
from p3mvideo.options.media import Even


class VideoEncoder:
    """One encoded video stream.

    Args:
        output: The container; its header must not be written yet.
        encoder: The codec.
        info: Size and rate of the frames as they come.
        time_base: Unit of the frames' times, in seconds.
        colour: What RGB is converted to, and the stream is tagged with.
        quality: Options for quality or bitrate.
        alpha: Whether frames have four channels.
        threads: Threads of the encoder, 0 for as many as there are cores.
        sample_aspect_ratio: Width of a pixel by its height.
        even: What becomes of an odd width or height.
    """

    def __init__(
        self,
        output: OutputContainer,
        encoder: Encoder,
        info: StreamInfo,
        *,
        time_base: Fraction,
        colour: Colour,
        quality: dict[str, str],
        alpha: bool,
        threads: int,
        sample_aspect_ratio: Fraction = Fraction(1),
        even: Even = "keep",
    ) -> None:
        info = even_info(info, even)
        self._even: Even = even
        self._colour = colour
        self._given = 0
        self._pixels = "rgba" if alpha else "rgb24"
        self._reformatter = VideoReformatter()
        self._rate = info.rate or Fraction(25)
        self._pixel_format = encoder.pixel_format_for(info.width, info.height, alpha=alpha)
        options = encoder.options | quality | (encoder.alpha_options if alpha else {})
        stream = output.add_stream(
            encoder.ffmpeg_name,
            rate=self._rate,
            width=info.width,
            height=info.height,
            time_base=time_base,
            options=options,
        )
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.pix_fmt = self._pixel_format
        context.thread_count = threads
        context.flags |= Flags.frame_duration
        context.sample_aspect_ratio = sample_aspect_ratio
        is_rgb = av.VideoFormat(self._pixel_format).is_rgb
        context.colorspace = 0 if is_rgb else colour.matrix
        context.color_primaries, context.color_trc = colour.primaries, colour.transfer
        context.color_range = ColorRange.JPEG if is_rgb else colour.swscale_range
        if encoder.codec_tag is not None and output.format.name in ("mp4", "mov"):
            context.codec_tag = encoder.codec_tag
        if alpha and encoder.codec == "vp9":
            stream.metadata["alpha_mode"] = "1"
        self.stream = stream

    def encode(self, frame: Frame, pts: int) -> list[Packet[VideoStream]]:
        """Take a frame to be shown at `pts` and return the packets that are ready."""
        image = av.VideoFrame.from_numpy_buffer(even_image(frame.interleaved(), self._even), self._pixels)
        converted = self._reformatter.reformat(
            image,
            format=self._pixel_format,
            src_colorspace=self._colour.swscale_matrix,
            dst_colorspace=self._colour.swscale_matrix,
            src_color_range=ColorRange.JPEG,
            dst_color_range=self._colour.swscale_range,
            threads=1,  # more cost time as a whole; the other stages use the other cores
        )
        converted.pts = pts
        converted.time_base = frame.time_base
        converted.duration = frame.duration or max(1, round(1 / (self._rate * frame.time_base)))
        self._given += 1
        return self.stream.encode(converted)

    def flush(self) -> list[Packet[VideoStream]]:
        """Return the packets that the encoder still held."""
        packets = self.stream.encode(None)
        # x265 takes its delay from the third frame; without one it leaves decoding times to chance.
        if self.stream.codec_context.name == "libx265" and self._given < 3:
            for packet in packets:
                packet.dts = packet.pts
        return packets
