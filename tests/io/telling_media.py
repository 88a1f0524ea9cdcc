"""Media files that name or show someone in every place that they have beside the images."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet

from tests.io.media import moving_image

ASS = (
    "[Script Info]\r\n; written by Jane Doe\r\nTitle: Interview with Jane Doe\r\nOriginal Script: Jane Doe\r\nScriptType: v4.00+\r\nPlayResX: 640\r\n"
    "\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize\r\nStyle: Default,Arial,16\r\nStyle: Jane,Jane Hand,18\r\n"
    "\r\n[Fonts]\r\nfontname: jane.ttf\r\n!!!JANE!!!\r\n\r\n[Events]\r\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)


def attach(output: OutputContainer) -> None:
    """Attach an image under the name of a font, and one under its own."""
    output.add_attachment("Jane Doe.ttf", "font/ttf", b"RIFF\0\0\0\0WEBP, which is no font")
    output.add_attachment("cover.webp", "image/webp", b"RIFF\0\0\0\0WEBP")


def with_names(path: Path, texts: Sequence[tuple[float, float, str]]) -> Path:
    """A Matroska file that names someone in every place that it has."""
    with av.open(str(path), "w") as output:
        output.metadata.update({"title": "Jane Doe", "artist": "Jane Doe"})
        output.set_chapters([{"id": 0, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "Jane Doe speaks"}}])
        video = output.add_stream("libx264", rate=25, width=64, height=48)
        video.metadata["title"] = "Camera of Jane Doe"
        sound = output.add_stream("vorbis", rate=44_100, options={"strict": "experimental"})
        sound.metadata["title"] = "Microphone of Jane Doe"
        titles = output.add_stream("ass")
        titles.codec_context.subtitle_header = ASS.encode()
        titles.time_base = Fraction(1, 1000)
        titles.metadata["title"] = "Jane Doe"
        attach(output)
        output.start_encoding()
        for number in range(10):
            output.mux(video.encode(at(av.VideoFrame.from_ndarray(moving_image(number, 64, 48)), number)))
        output.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 17_640), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 44_100, 0
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
        for start, end, text in texts:
            packet: Packet[Any] = Packet(text.encode())
            packet.stream, packet.time_base = titles, Fraction(1, 1000)
            packet.pts = packet.dts = round(start * 1000)
            packet.duration = round((end - start) * 1000)
            output.mux(packet)
    return path


def at(frame: av.VideoFrame, number: int) -> av.VideoFrame:
    """Return a frame with its number as its time."""
    frame.pts = number
    return frame
