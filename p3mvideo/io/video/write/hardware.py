"""Encoders in hardware: which there are, whether they work on this machine, and when one of them is taken."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from p3mvideo.errors import DeviceError
from p3mvideo.io.video.write.codecs import Encoder, encoder_for

AUTO: Final = "auto"
"""Name of the codec that asks for whatever works in hardware."""

HARDWARE: Final[dict[str, Encoder]] = {
    encoder.ffmpeg_name: encoder
    for encoder in (
        # Without a rate of 0, NVENC keeps to 2 Mbit/s whatever the quality.
        Encoder(
            "h264", "h264_nvenc", "yuv420p", {"preset": "p4", "rc": "vbr", "b": "0"}, 0.005, default_crf=23, max_crf=51, quality_names=("cq",)
        ),
        Encoder("h264", "h264_qsv", "nv12", {"preset": "veryfast"}, 0.005, default_crf=23, max_crf=51, quality_names=("global_quality",)),
        Encoder("h264", "h264_amf", "nv12", {}, 0.005, default_crf=22, max_crf=51, quality_names=("qp_i", "qp_p")),
        # Its quality goes from 1 to 100, in steps of 118.
        Encoder("h264", "h264_videotoolbox", "nv12", {"global_quality": "7670"}, 0.005),
    )
}  # fmt: skip
"""In the order in which they are tried. VA-API takes frames from its own memory only, into which PyAV cannot bring them."""
TRIAL_FRAMES = 2


@cache
def failure_of(name: str, width: int, height: int) -> str | None:
    """Return why an encoder of `HARDWARE` does not work for frames of a size on this machine; None if it does.

    That FFmpeg was built with an encoder says nothing about hardware and driver, so some frames are encoded. The answer is remembered.
    """
    encoder = HARDWARE[name]
    if not encoder.available:
        return "it is not built into this FFmpeg"
    if width % 2 or height % 2:
        return f"it takes even sizes only, not {width}x{height}"
    try:
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, encoder.pixel_format
        context.framerate, context.time_base = Fraction(30), Fraction(1, 30)
        context.options = encoder.options | encoder.quality_options(None, None)
        packets = 0
        for number in range(TRIAL_FRAMES):
            frame = av.VideoFrame(width, height, encoder.pixel_format)
            frame.pts = number
            packets += len(context.encode(frame))
        packets += len(context.encode(None))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        return f"it does not open ({getattr(error, 'strerror', None) or error})"
    return None if packets == TRIAL_FRAMES else "it encodes nothing"


def choose_encoder(path: Path, codec: str | None, *, alpha: bool, size: tuple[int, int] = (1280, 720)) -> Encoder:
    """Do as `encoder_for`, which knows software only; "auto" takes the first hardware encoder that works, else software.

    Args:
        path: Its suffix says the container.
        codec: As in `encoder_for`, or auto, or FFmpeg's name of an encoder in `HARDWARE`.
        alpha: Whether alpha is written, which no hardware encoder does.
        size: (width, height) of the frames, in pixels.

    Raises:
        ConfigError: See `encoder_for`.
        DeviceError: A hardware encoder was asked for by name and does not work here.
    """
    if codec in HARDWARE:
        encoder_for(path, HARDWARE[codec].codec, alpha=alpha)
        failure = failure_of(codec, *size)
        if failure is not None:
            raise DeviceError(f"the encoder {codec} was asked for, but {failure}", hint="use --codec auto, or h264 for the encoder in software")
        return HARDWARE[codec]
    if codec != AUTO:
        return encoder_for(path, codec, alpha=alpha)
    software = encoder_for(path, None, alpha=alpha)
    same_codec = (encoder for name, encoder in HARDWARE.items() if encoder.codec == software.codec and failure_of(name, *size) is None)
    return software if alpha else next(same_codec, software)
