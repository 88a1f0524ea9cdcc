"""Copies ASS subtitles without what names someone in them: titles, authors, comments, and the names of styles, speakers and fonts.

The form is that of Advanced SubStation Alpha, v4+, as Matroska holds it: the sections before the events in the codec's header, one event a packet.
"""

from __future__ import annotations

import re
from typing import Any, Final

from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

SCRIPT_KEYS: Final = frozenset({"scripttype", "playresx", "playresy", "wrapstyle", "scaledborderandshadow", "collisions", "ycbcr matrix"})
"""What of `[Script Info]` says how subtitles are drawn, and nothing else."""
STYLE_NAME, STYLE_FONT = "name", "fontname"
FONT: Final = "Arial"
EVENT_STYLE, EVENT_SPEAKER, EVENT_EFFECT, EVENT_TEXT = 2, 3, 7, 8
"""Fields of an event in Matroska: read order, layer, style, speaker, three margins, effect, text."""

COMMENT = re.compile(r"\{[^\\}]*\}")
FONT_TAG = re.compile(r"\\fn[^\\}]*")
RESET_TAG = re.compile(r"\\r([^\\}]*)")


class AnonymousAss:
    """Rewrites the packets of one ASS stream.

    Args:
        target: The stream of the output, already added.
        styles: The new name of every style.
    """

    def __init__(self, target: SubtitleStream, styles: dict[str, str]) -> None:
        self.target = target
        self._styles = styles

    def rewrite(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """Return the packet without names, times unchanged; nothing if it is no event."""
        fields = bytes(packet).decode("utf-8", "replace").split(",", EVENT_TEXT)
        if len(fields) <= EVENT_TEXT:
            return []
        fields[EVENT_STYLE] = self._renamed(fields[EVENT_STYLE])
        fields[EVENT_SPEAKER] = fields[EVENT_EFFECT] = ""
        text = FONT_TAG.sub("", COMMENT.sub("", fields[EVENT_TEXT]))
        fields[EVENT_TEXT] = RESET_TAG.sub(lambda found: "\\r" + (self._renamed(found[1]) if found[1] else ""), text)
        rewritten: Packet[Any] = Packet(",".join(fields).encode())
        rewritten.time_base = packet.time_base
        rewritten.pts, rewritten.dts, rewritten.duration = packet.pts, packet.dts, packet.duration
        return [rewritten]

    def flush(self) -> list[Packet[Any]]:
        """Return nothing: no packet is held back."""
        return []

    def _renamed(self, style: str) -> str:
        return self._styles.get(style.strip().lstrip("*"), "Default")


def anonymous_ass(stream: Stream, output: OutputContainer) -> AnonymousAss:
    """Add a stream to `output` for an ASS stream without names."""
    assert stream.codec_context is not None
    header, styles = anonymous_header((stream.codec_context.extradata or b"").decode("utf-8", "replace"))
    target = output.add_stream("ass")
    assert isinstance(target, SubtitleStream)
    target.codec_context.subtitle_header = header.encode()
    if stream.time_base is not None:
        target.time_base = stream.time_base
    return AnonymousAss(target, styles)


def anonymous_header(header: str) -> tuple[str, dict[str, str]]:
    """Return a header of ASS without names, and the new name of every style. Embedded fonts and images are left out."""
    script, styles_out, names = ["[Script Info]"], ["[V4+ Styles]"], {"Default": "Default"}
    section, form = "", []
    for line in header.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if line.startswith("["):
            section = line.strip().lower()
        elif section == "[script info]" and key.lower() in SCRIPT_KEYS:
            script.append(f"{key}: {value}")
        elif "styles]" in section and key.lower() == "format":
            form = [name.strip().lower() for name in value.split(",")]
            styles_out.append(f"Format: {value}")
        elif "styles]" in section and key.lower() == "style" and form:
            fields = [field.strip() for field in value.split(",", len(form) - 1)]
            if len(fields) == len(form) and STYLE_NAME in form:
                name = fields[form.index(STYLE_NAME)]
                fields[form.index(STYLE_NAME)] = names.setdefault(name.lstrip("*"), f"Style{len(names)}")
                if STYLE_FONT in form:
                    fields[form.index(STYLE_FONT)] = FONT
                styles_out.append(f"Style: {','.join(fields)}")
    events = ["[Events]", "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"]
    return "\r\n".join([*script, "", *styles_out, "", *events, ""]), names
