"""Encodes frames into the video stream of a container."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream

from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.colour import Colour, colour_of, colour_to_write
from p3mvideo.io.plane_view import plane_view
from p3mvideo.io.video.read.file import pixel_shape
from p3mvideo.io.video.write.codecs import Encoder
from p3mvideo.io.video.write.even_size import even_image, even_info
from p3mvideo.options.media import Even
from p3mvideo.yuv420 import Yuv420


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
        self._writes_rgb = is_rgb = av.VideoFormat(self._pixel_format).is_rgb
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
        if frame.yuv is not None and frame.yuv.weights == self._colour.luma_weights and not self._writes_rgb:
            image, full_range = _as_stored(frame.yuv), False
        else:
            image, full_range = av.VideoFrame.from_numpy_buffer(even_image(frame.interleaved(), self._even), self._pixels), True
        converted = self._reformatter.reformat(
            image,
            format=self._pixel_format,
            src_colorspace=self._colour.swscale_matrix,
            dst_colorspace=self._colour.swscale_matrix,
            src_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
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


def _as_stored(yuv: Yuv420) -> av.VideoFrame:
    """Return an image as FFmpeg stores it."""
    height, width = yuv.y.shape
    image = av.VideoFrame(width, height, "yuv420p")
    for plane, pixels in zip(image.planes, (yuv.y, *cv2.split(yuv.uv)), strict=True):
        plane_view(plane)[:] = pixels
    return image


def encoder_like(
    original: VideoStream | None,
    output: OutputContainer,
    encoder: Encoder,
    info: StreamInfo,
    *,
    time_base: Fraction,
    quality: dict[str, str],
    alpha: bool,
    threads: int,
    even: Even,
) -> VideoEncoder:
    """Add an encoded stream with the colours and the pixel shape of the video that its frames come from, None if there is no such video.

    The other parameters are those of `VideoEncoder`.
    """
    return VideoEncoder(
        output, encoder, info, time_base=time_base, colour=colour_to_write(info.height, colour_of(original.codec_context) if original else None),
        quality=quality, alpha=alpha, threads=threads,
        sample_aspect_ratio=pixel_shape(original, info.width, info.height) if original else Fraction(1), even=even,
    )  # fmt: skip


def check_frame(frame: Frame, info: StreamInfo, *, alpha: bool) -> None:
    """Raise ValueError unless a frame has the size and the channels of a stream."""
    expected = (4 if alpha else 3, info.height, info.width)
    if frame.shape != expected:
        raise ValueError(f"expected a frame of {expected}, got {frame.shape}")


def first_alpha_of(frame: Frame, even: Even) -> UInt8Array:
    """Return the alpha of a frame as it is written, uint8 (H, W)."""
    return even_image(frame.interleaved(), even)[..., 3].copy()
