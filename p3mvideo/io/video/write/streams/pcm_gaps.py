"""Keeps the gaps of uncompressed sound in formats that store how long all samples last, and not when each packet begins."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

GAP_SECONDS: Final = Fraction(1, 20)
"""A shorter one is the rounding of times."""
SAMPLE_BYTES: Final = {
    "pcm_u8": 1, "pcm_s16le": 2, "pcm_s16be": 2, "pcm_s24le": 3, "pcm_s24be": 3, "pcm_s32le": 4, "pcm_s32be": 4, "pcm_f32le": 4, "pcm_f64le": 8,
    "pcm_alaw": 1, "pcm_mulaw": 1,
}  # fmt: skip
"""Size of a sample by FFmpeg's name of the codec."""
SILENCE: Final = {"pcm_u8": b"\x80", "pcm_alaw": b"\xd5", "pcm_mulaw": b"\xff"}
"""The byte that no sound is made of, where it is not 0."""


class PcmGaps:
    """Puts silence into the gaps of a copied stream of sound.

    Args:
        source: Where packets come from; its codec is one of `SAMPLE_BYTES`.
        codec: Its name.
        target: The stream of the output, already added.
    """

    def __init__(self, source: AudioStream, codec: str, target: Stream) -> None:
        self.target = target
        self._rate, self._frame = source.sample_rate, SILENCE.get(codec, b"\0") * SAMPLE_BYTES[codec] * source.channels
        self._ends: Fraction | None = None

    def rewrite(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """Yield the silence before a packet, a second at a time, then the packet."""
        begins = (packet.pts or 0) * packet.time_base
        missing = 0 if self._ends is None or begins - self._ends <= GAP_SECONDS else round((begins - self._ends) * self._rate)
        while missing > 0 and self._ends is not None:
            frames = min(missing, self._rate)
            silence: Packet[Any] = Packet(self._frame * frames)
            silence.time_base = packet.time_base
            silence.pts = silence.dts = round(self._ends / packet.time_base)
            silence.duration = round(Fraction(frames, self._rate) / packet.time_base)
            yield silence
            self._ends += Fraction(frames, self._rate)
            missing -= frames
        self._ends = begins + Fraction(packet.size // len(self._frame), self._rate)
        yield packet

    def flush(self) -> list[Packet[Any]]:
        """Return nothing: no packet is held back."""
        return []
