"""Encodes sound for containers whose players would not play it as it is."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, cast

import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

logger = logging.getLogger(__name__)

NAMES: Final = {"aac": "AAC", "libopus": "Opus", "flac": "FLAC"}
"""What users call the encoders."""
AAC_RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Sample rates that every player of AAC takes."""
FULL_RATE: Final = 48_000
BITS_PER_SECOND_OF_CHANNEL: Final = 80_000
SNAP_SECONDS: Final = Fraction(1, 20)
"""Containers round times, so a frame that begins this close to the end of the one before it follows it without a gap."""


class SoundEncoder:
    """Decodes the packets of one audio stream and encodes them for another container.

    Args:
        source: The stream to decode.
        target: The stream of the output, already added.
    """

    def __init__(self, source: AudioStream, target: AudioStream) -> None:
        self._source = source
        self.target = target
        self._unit = Fraction(1, target.codec_context.sample_rate)
        self._resampler: AudioResampler | None = None
        self._form: tuple[str, str, int] | None = None
        self._is_damaged = False
        self._position: int | None = None
        """Where the next sample belongs, in samples of the output."""

    def rewrite(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """Return what is ready after another packet of the source, whose times are in the output's clock."""
        try:
            decoded = self._source.codec_context.decode(packet)
        except av.error.FFmpegError as error:
            if not self._is_damaged:
                logger.warning("a part of the sound could not be decoded (%s)", error.strerror)
            self._is_damaged = True
            return []
        return [ready for frame in decoded for ready in self._encode(self._converted(frame))]

    def flush(self) -> list[Packet[Any]]:
        """Return what was still held."""
        try:
            held = self._source.codec_context.decode(None)
        except av.error.FFmpegError:
            held = []
        for frame in held:
            frame.time_base = self._source.time_base
        ready = [packet for frame in held for packet in self._encode(self._converted(frame))]
        return [*ready, *self._encode(self._converted(None)), *self.target.encode(None)]

    def _converted(self, frame: AudioFrame | None) -> list[AudioFrame]:
        """Return sound in the encoder's form; sound may change its own form midway."""
        if frame is None:
            return self._resampler.resample(None) if self._resampler is not None else []
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        tail: list[AudioFrame] = []
        if form != self._form:
            tail = self._converted(None)
            context = self.target.codec_context
            self._resampler = AudioResampler(format=context.format, layout=context.layout, rate=context.sample_rate)
            self._form = form
        assert self._resampler is not None
        return tail + self._resampler.resample(frame)

    def _encode(self, frames: list[AudioFrame]) -> list[Packet[Any]]:
        ready: list[Packet[Any]] = []
        for frame in frames:
            begins = round(frame.pts * frame.time_base / self._unit) if frame.pts is not None and frame.time_base is not None else None
            if self._position is None:
                self._position = begins or 0
            elif begins is not None and begins - self._position > SNAP_SECONDS / self._unit:
                self._position = begins
            frame.pts, frame.time_base = self._position, self._unit
            self._position += frame.samples
            ready += self.target.encode(frame)
        return ready


def sound_encoder(source: AudioStream, output: OutputContainer, encoder: str) -> SoundEncoder | None:
    """Add a stream for sound to `output` that `encoder` fills; None if the encoder is not built in."""
    if encoder not in av.codecs_available:
        return None
    form = _form_for(source.codec_context, encoder)
    target = cast(AudioStream, output.add_stream(encoder, rate=form.rate))
    form.apply(target.codec_context)
    return SoundEncoder(source, target)


@dataclass(frozen=True)
class _Form:
    """What an encoder is set up for."""

    rate: int
    layout: str
    sample_format: str | None
    bit_rate: int | None

    def apply(self, context: AudioCodecContext) -> None:
        """Set a context up that is not open yet."""
        context.sample_rate, context.layout = self.rate, self.layout
        if self.sample_format is not None:
            context.format = self.sample_format
        if self.bit_rate is not None:
            context.bit_rate = self.bit_rate


def _form_for(source: AudioCodecContext, encoder: str) -> _Form:
    """Return what an encoder is set up for: as near to the source as it can be."""
    if encoder != "flac":
        channels = min(2, source.channels)
        rate = FULL_RATE if encoder == "libopus" or source.sample_rate not in AAC_RATES else source.sample_rate
        return _Form(rate, "mono" if channels == 1 else "stereo", None, BITS_PER_SECOND_OF_CHANNEL * channels)
    lossless = _Form(source.sample_rate, source.layout.name, "s16" if source.format.bytes <= 2 else "s32", None)
    trial = cast(AudioCodecContext, av.CodecContext.create(encoder, "w"))
    try:
        lossless.apply(trial)
        trial.open()
    except (ValueError, av.error.FFmpegError):  # a rate or a layout that FLAC does not have
        return replace(lossless, rate=FULL_RATE, layout="stereo")
    return lossless
