"""Follows the clock of files that were put together end to end, whose times start again midway."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

from p3mvideo.io.video.read.timing.timeline import JUMP_SECONDS

logger = logging.getLogger(__name__)


def joined(packets: Iterable[Packet[Stream]], clock: JoinedClock, name: str) -> Iterator[Packet[Stream]]:
    """Yield the packets of all streams but the images, moved so that those of every part are with its images.

    Args:
        packets: Packets of all streams, in file order; each has a time.
        clock: Tells how far parts are moved.
        name: What to call the file in a message.
    """
    waiting: deque[tuple[Packet[Stream], int]] = deque()
    for packet in packets:
        part = clock.part_of(packet)
        if packet.stream_index != clock.video:
            waiting.append((packet, part))
        # In file order the sound of a part may come before its first image, which says how far the part is moved.
        while waiting and (offset := clock.offset(waiting[0][1])) is not None:
            yield _moved(waiting.popleft()[0], offset)
    if waiting:
        logger.warning("%s: sound behind the last image is left out, for its clock started again", name)


def _moved(packet: Packet[Stream], seconds: Fraction) -> Packet[Stream]:
    units = round(seconds / packet.time_base)
    if packet.pts is not None:
        packet.pts += units
    if packet.dts is not None:
        packet.dts += units
    return packet


class JoinedClock:
    """Tells how far the packets of every part are to be moved so that the images go on without a break, as `Timeline` moves frames.

    Args:
        video: Index of the stream of images.
        usual: How long an image is shown that does not say so, in seconds.
    """

    def __init__(self, video: int, usual: Fraction) -> None:
        self.video, self._usual = video, usual
        self._offsets = [Fraction(0)]
        """What is added to the times of each part, in seconds."""
        self._part: dict[int, int] = {}
        self._last: dict[int, Fraction] = {}
        self._images_end = Fraction(0)

    def part_of(self, packet: Packet[Stream]) -> int:
        """Take the next packet in file order, and return the part that it belongs to."""
        index = packet.stream_index
        time = packet.dts if packet.dts is not None else packet.pts
        seconds = (time or 0) * packet.time_base
        part = self._part.get(index, 0)
        if time is not None and index in self._last and self._last[index] - seconds > JUMP_SECONDS:
            part += 1
        self._part[index], self._last[index] = part, seconds
        if index == self.video:
            begins = (packet.pts if packet.pts is not None else time or 0) * packet.time_base
            if part == len(self._offsets):
                self._offsets.append(self._images_end - begins)
            length = packet.duration * packet.time_base if packet.duration else self._usual
            self._images_end = max(self._images_end, begins + length + self._offsets[part])
        return part

    def offset(self, part: int) -> Fraction | None:
        """Return how many seconds are added to the times of a part, None while its images have not come yet."""
        return self._offsets[part] if part < len(self._offsets) else None
