"""Encodes sound anew for containers that cannot hold it as it is."""

from __future__ import annotations

import logging
from typing import Any, Final, cast

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

logger = logging.getLogger(__name__)

ENCODER_OF: Final = {"webm": ("libopus", 48_000), "mp4": ("aac", None), "mov": ("aac", None)}
"""Encoder and sample rate (None: as it is) for the containers that do not hold everything."""
BITS_PER_SECOND_OF_CHANNEL: Final = 80_000


class SoundEncoder:
    """Decodes the packets of one audio stream and encodes them for another container, in mono or stereo.

    Args:
        source: The stream to decode.
        target: The stream of the output, already added.
    """

    def __init__(self, source: AudioStream, target: AudioStream) -> None:
        self._source = source
        self.target = target

    def rewrite(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """Return what is ready after another packet of the source, whose times are in the output's clock."""
        try:
            decoded = self._source.codec_context.decode(packet)
        except av.error.FFmpegError as error:
            logger.warning("a part of the sound could not be decoded (%s)", error.strerror)
            return []
        return self._encode(decoded)

    def flush(self) -> list[Packet[Any]]:
        """Return what was still held."""
        try:
            held = self._source.codec_context.decode(None)
        except av.error.FFmpegError:
            held = []
        for frame in held:
            frame.time_base = self._source.time_base
        return [*self._encode(held), *self.target.encode(None)]

    def _encode(self, frames: list[AudioFrame]) -> list[Packet[Any]]:
        return [packet for frame in frames for packet in self.target.encode(frame)]


def sound_encoder(stream: Stream, output: OutputContainer) -> SoundEncoder | None:
    """Add a stream for sound that `output` cannot hold as it is; None if it cannot be encoded either."""
    encoder, rate = ENCODER_OF.get(output.format.name, ("", None))
    if not isinstance(stream, AudioStream) or stream.codec_context is None or encoder not in av.codecs_available:
        return None
    target = cast(AudioStream, output.add_stream(encoder, rate=rate or stream.codec_context.sample_rate))
    channels = min(2, stream.codec_context.channels)
    target.codec_context.layout = "mono" if channels == 1 else "stereo"
    target.codec_context.bit_rate = BITS_PER_SECOND_OF_CHANNEL * channels
    logger.warning(
        "audio stream %d is encoded anew as %s: %s files cannot hold %s",
        stream.index, "Opus" if encoder == "libopus" else "AAC", output.format.name, stream.codec_context.name,
    )  # fmt: skip
    return SoundEncoder(stream, target)
