"""Brings plain text subtitles from the form of one container to that of another."""

from __future__ import annotations

import re
from typing import Any, Final

from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

TEXT_CODECS: Final = ("subrip", "srt", "mov_text", "webvtt", "text")
"""Codecs whose packets hold text that a human wrote, give or take some tags."""
TEXT_CODEC_OF: Final = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt", "matroska": "subrip"}
"""The text codec that each container holds."""

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
        source_codec: One of `TEXT_CODECS`.
        target: The stream of the output, already added.
    """

    def __init__(self, source_codec: str, target: SubtitleStream) -> None:
        self.target = target
        self._from_mov = source_codec == "mov_text"
        self._to_mov = target.codec_context.name == "mov_text"

    def rewrite(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """Return the packet with its text in the form of the target, times unchanged; nothing if it holds no text."""
        data = bytes(packet)
        if self._from_mov:  # 3GPP TS 26.245: a 16-bit length, the text, then boxes with styles
            data = data[2 : 2 + int.from_bytes(data[:2], "big")]
        if not data.strip():  # mp4 fills the pauses with empty subtitles
            return []
        if self._to_mov:
            text = TAG.sub("", data.decode("utf-8", "replace")).encode()
            data = len(text).to_bytes(2, "big") + text
        rewritten: Packet[Any] = Packet(data)
        rewritten.time_base = packet.time_base
        rewritten.pts, rewritten.dts, rewritten.duration = packet.pts, packet.dts, packet.duration
        return [rewritten]

    def flush(self) -> list[Packet[Any]]:
        """Return nothing: no packet is held back."""
        return []


def text_subtitles(stream: Stream, output: OutputContainer) -> TextSubtitles | None:
    """Add a stream for a text subtitle stream that `output` can hold in another form only; None if that is not so."""
    wanted = TEXT_CODEC_OF.get(output.format.name) if stream.type == "subtitle" else None
    name = stream.codec_context.name if stream.codec_context is not None else ""
    if wanted is None or name not in TEXT_CODECS or name == wanted or (wanted == "subrip" and name in ("srt", "webvtt")):
        return None
    target = output.add_stream(wanted)
    assert isinstance(target, SubtitleStream)
    target.codec_context.subtitle_header = ASS_HEADER
    if stream.time_base is not None:
        target.time_base = stream.time_base
    return TextSubtitles(name, target)
