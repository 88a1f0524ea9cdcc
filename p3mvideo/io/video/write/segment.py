"""Segments of an encoded video, each a file of its own: complete or absent, and joined without encoding again.

A segment is what an encoder makes of some frames that follow each other, from its first packet, which is a key frame, to its last one; so no
packet refers to one of another segment. The file holds those packets as they come out of the encoder: one line of JSON about the
stream, then for each packet its times, its flags, its length and its bytes.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from p3mvideo.errors import SinkError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.av_errors import writing

PACKET: Final = struct.Struct("<qqq?I")
"""Presentation time, decoding time, duration, whether it is a key frame, and bytes."""
MARK: Final = "p3mvideo segment 1"


@dataclass(frozen=True)
class SegmentInfo:
    """What all packets of a segment have in common."""

    time_base: Fraction
    """Seconds per unit of the times of packets."""
    frame_time_base: Fraction
    """That of the frames which were encoded."""
    extradata: bytes
    """What a container says of the codec; the same in all segments that can be joined."""
    first_alpha: UInt8Array | None = None
    """Alpha of the first frame, uint8 (H, W); None for a video without alpha."""

    def to_line(self) -> bytes:
        """Return this as one line of JSON."""
        alpha = self.first_alpha
        values = {
            "mark": MARK, "time_base": str(self.time_base), "frame_time_base": str(self.frame_time_base), "extradata": self.extradata.hex(),
            "alpha": None if alpha is None else [*alpha.shape, base64.b64encode(zlib.compress(alpha.tobytes())).decode()],
        }  # fmt: skip
        return json.dumps(values).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> SegmentInfo:
        """Return what `to_line` wrote.

        Raises:
            ValueError, KeyError: It is something else.
        """
        values = json.loads(line)
        if values["mark"] != MARK:
            raise ValueError("not a segment")
        alpha = None
        if values["alpha"] is not None:
            height, width, packed = values["alpha"]
            alpha = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8).reshape(height, width)
        return cls(Fraction(values["time_base"]), Fraction(values["frame_time_base"]), bytes.fromhex(values["extradata"]), alpha)


class SegmentWriter:
    """Writes the packets of one segment.

    Args:
        file: Where to.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._time_base: Fraction | None = None

    def begin(self, stream: VideoStream, frame_time_base: Fraction, first_alpha: UInt8Array | None) -> None:
        """Write what the packets have in common; the encoder must be open."""
        assert stream.time_base is not None
        self._time_base = stream.time_base
        self._file.write(SegmentInfo(stream.time_base, frame_time_base, stream.codec_context.extradata or b"", first_alpha).to_line())

    def write(self, packet: Packet[Any]) -> None:
        """Write one packet. What a codec keeps beside its packets, such as VP9 its alpha, is not written."""
        assert self._time_base is not None
        assert packet.pts is not None
        assert packet.dts is not None
        unit = packet.time_base / self._time_base
        times = (round(packet.pts * unit), round(packet.dts * unit), round((packet.duration or 0) * unit))
        data = bytes(packet)
        self._file.write(PACKET.pack(*times, packet.is_keyframe, len(data)) + data)


class Segment:
    """A segment that is complete.

    Args:
        path: Its file.

    Raises:
        SinkError: It is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path), path.open("rb") as file:
            try:
                self.info = SegmentInfo.from_line(file.readline())
                """What its packets have in common."""
            except (ValueError, KeyError) as error:
                raise SinkError(f"{path} is not a segment of a video", hint="remove it") from error

    def packets(self) -> Iterator[Packet[Any]]:
        """Yield its packets in the order of decoding."""
        with self._path.open("rb") as file:
            file.readline()
            while head := file.read(PACKET.size):
                pts, dts, duration, is_keyframe, size = PACKET.unpack(head)
                packet: Packet[Any] = av.Packet(file.read(size))
                packet.pts, packet.dts, packet.duration, packet.is_keyframe = pts, dts, duration, is_keyframe
                packet.time_base = self.info.time_base
                yield packet
