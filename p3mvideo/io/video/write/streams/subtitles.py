"""Brings plain text subtitles from the form of one container to that of another."""

from __future__ import annotations

import re
from typing import Any, Final

from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

ASS_HEADER: Final = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour,"
    b" OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline,"
    b" Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\r\nStyle: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,"
    b"100,100,0,0,1,1,0,2,10,10,10,1\r\n\r\n[Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV,"
    b" Effect, Text\r\n"
)
"""FFmpeg's subtitle encoders take the style of their header from this form, whatever they write."""

TAG = re.compile(r"</?[a-zA-Z][^>]*>|\{\\[^}]*\}")


class TextSubtitles:
    """Rewrites the packets of one text subtitle stream.

    Args:
        source_codec: One of `TEXT_SUBTITLES`.
        target: The stream of the output, already added.
        plain: Whether tags are left out, which may name a speaker.
    """

    def __init__(self, source_codec: str, target: SubtitleStream, *, plain: bool = False) -> None:
        self.target = target
        self._plain = plain
        self._from_mov = source_codec == "mov_text"
        self._to_mov = target.codec_context.name == "mov_text"

    def rewrite(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """Return the packet with its text in the form of the target, times unchanged; nothing if it holds no text."""
        data = bytes(packet)
        if self._from_mov:  # 3GPP TS 26.245: a 16-bit length, the text, then boxes with styles
            data = data[2 : 2 + int.from_bytes(data[:2], "big")]
        if not data.strip():  # mp4 fills the pauses with empty subtitles
            return []
        if self._to_mov or self._plain:
            data = TAG.sub("", data.decode("utf-8", "replace")).encode()
        if self._to_mov:
            data = len(data[:0xFFFF]).to_bytes(2, "big") + data[:0xFFFF]
        rewritten: Packet[Any] = Packet(data)
        rewritten.time_base = packet.time_base
        rewritten.pts, rewritten.dts, rewritten.duration = packet.pts, packet.dts, packet.duration
        return [rewritten]

    def flush(self) -> list[Packet[Any]]:
        """Return nothing: no packet is held back."""
        return []


def text_subtitles(stream: Stream, output: OutputContainer, codec: str, *, plain: bool = False) -> TextSubtitles:
    """Add a stream to `output` that holds the text of a subtitle stream in the form of another codec."""
    assert stream.codec_context is not None
    target = output.add_stream(codec)
    assert isinstance(target, SubtitleStream)
    target.codec_context.subtitle_header = ASS_HEADER
    if stream.time_base is not None:
        target.time_base = stream.time_base
    return TextSubtitles(stream.codec_context.codec.canonical_name, target, plain=plain)
