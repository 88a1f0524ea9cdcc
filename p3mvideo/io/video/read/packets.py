"""Reads the packets of a file, over damaged places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream

MAX_ERRORS_IN_A_ROW = 200
"""After this many read errors without a packet between them the rest of the file is given up."""


def packets_of(container: InputContainer, streams: Sequence[Stream], on_error: Callable[[av.error.FFmpegError], None]) -> Iterator[Packet[Stream]]:
    """Yield the packets of some streams in file order, and at the end an empty one per stream that flushes its decoder.

    A read error is passed to `on_error` and reading goes on behind it; FFmpeg has by then moved past the damaged place.
    """
    errors_in_a_row = 0
    while True:
        try:
            # PyAV's generator is dead after an exception; a new one goes on where the container stands.
            for packet in container.demux(*streams):
                errors_in_a_row = 0
                if packet.size == 0 and packet.dts is not None:
                    continue  # a frame that the muxer dropped; a decoder would take it for the end
                yield packet
            return
        except av.error.FFmpegError as error:
            on_error(error)
            errors_in_a_row += 1
            if errors_in_a_row > MAX_ERRORS_IN_A_ROW:
                for stream in streams:
                    flush: Packet[Stream] = Packet()
                    flush.stream = stream
                    yield flush
                return


def count_packets(path: Path) -> int:
    """Return how many packets the first video stream of a file holds: by its index if that lists them all, else by reading."""
    with av.open(f"file:{path}", "r", metadata_errors="replace") as container:
        video = container.streams.video[0]
        if video.frames:
            return video.frames
        for stream in container.streams:
            if stream.index != video.index:
                stream.discard = Discard.all
        return sum(1 for packet in container.demux(video) if packet.size)
