"""Decodes the images of one video, over damaged places, and says what was lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from p3mvideo.errors import DamagedInputError
from p3mvideo.io.damage import DamageLog
from p3mvideo.io.video.read.alpha_decoder import decoder_for
from p3mvideo.io.video.read.file import (
    NO_TIMESTAMPS,
    TIMESTAMPS_ARE_ARBITRARY,
    clock_origin_seconds,
    frame_rate,
    image_stream,
    tagged_duration_seconds,
)
from p3mvideo.io.video.read.missing_frames import ONE_FRAME_A_PACKET, Ledger
from p3mvideo.io.video.read.packets import packets_of
from p3mvideo.io.video.read.timing.timeline import JUMP_SECONDS, Moment, Timeline
from p3mvideo.io.video.read.unread_parts import UnreadParts

logger = logging.getLogger(__name__)

PACKETS_BEFORE_A_RESTART = 3
"""Where transport streams were put together, the numbering of their packets breaks, and FFmpeg takes one of the last images for
cut short. If the clock starts again within this many packets, nothing is missing."""
KEY_FRAME_SECONDS, REORDER_SECONDS = (15, 60, 240), 1
"""FFmpeg enters formats with arbitrary clocks between key frames. They are entered so long before the place asked for, the first of these that has a
key frame before it. Others are entered by the order of decoding, in which a key frame may come before frames that are shown before it and
need what came earlier."""
PROGRESSIVE = (0, 1)
"""FFmpeg's field orders of images that are not interlaced (unknown, progressive)."""


class VideoDecoder:
    """The decoded, still stored-as-is images of a container between two times, in presentation order.

    Args:
        container: Where they are read from; it is closed with the decoder.
        name: What to call it in messages.
        start: First time to show, in seconds from the container's beginning.
        end: First time not to show.
        threads: Decoder threads, 0 for as many as there are cores.
        strict: Whether damage raises `DamagedInputError` instead of being logged.
        is_cut_short: Tells, given the position behind the last packet, whether there should have been more.

    Raises:
        SourceError: If there is no video stream.
    """

    def __init__(
        self,
        container: InputContainer,
        name: str,
        *,
        start: Fraction | None,
        end: Fraction | None,
        threads: int,
        strict: bool,
        is_cut_short: Callable[[int], bool],
    ) -> None:
        self._container, self._name = container, name
        self._start, self._end, self._strict, self._is_cut_short = start, end, strict, is_cut_short
        try:
            self.stream: VideoStream = image_stream(container, name)
            self.time_base: Fraction = self.stream.time_base or Fraction(1, 90_000)
            self.rate: Fraction | None = frame_rate(self.stream)
            self.damage = DamageLog()
            self._usual = 1 / (self.rate or Fraction(25))
            self._origin = round(clock_origin_seconds(container) / self.time_base)
            index = self.stream.index_entries
            self._last_indexed_dts = index[len(index) - 1].timestamp if len(index) else None
            self._last_dts: int | None = None
            self._last_seconds = start or Fraction(0)
            self._last_position = 0
            self._cut_short: Fraction | None = None
            self._packets_since_cut = 0
            for stream in container.streams:
                if stream.index != self.stream.index:
                    stream.discard = Discard.all
            self._codec = decoder_for(self.stream)
            self._codec.thread_count = threads
            self._codec.thread_type = "AUTO"
            if start:
                self._seek(start)
        except BaseException:
            container.close()
            raise

    def close(self) -> None:
        """Release the file. May be called any number of times, but not while a frame is being decoded."""
        self._container.close()

    def frames_expected(self) -> int | None:
        """Return the number of frames, or None if the file does not say."""
        index = self.stream.index_entries
        shown = [entry.timestamp * self.time_base for entry in index if not entry.is_discard]
        # Only of mp4 is the index complete; what it lacks there, or marks, an edit list hides.
        is_complete = self._container.format.name.startswith("mov") or len(index) == self.stream.frames
        if not self.stream.frames or not shown or not is_complete:
            return self.stream.frames or None if self._start is None and self._end is None else None
        return sum(1 for time in shown if (self._start is None or time >= self._start) and (self._end is None or time < self._end))

    def seconds_expected(self) -> float | None:
        """Return the length of the whole file in seconds, or None if it does not say."""
        return None if self._container.duration is None else self._container.duration / av.time_base

    def __iter__(self) -> Iterator[tuple[av.VideoFrame, Moment]]:
        """Yield each image with its time in units of `time_base`.

        Raises:
            DamagedInputError: At the first damage, if `strict`.
        """
        timeline = Timeline(self.time_base, self.rate)
        # AVI knows no times of showing; what FFmpeg calls so is the order of decoding.
        in_order = self._container.format.name == "avi"
        ledger = Ledger(round(JUMP_SECONDS / self.time_base)) if self._each_packet_is_a_frame() and not in_order else None
        # FFmpeg's reader of Matroska goes on behind damage without a word.
        unread = UnreadParts() if self._container.format.name.startswith("matroska") else None
        for packet in packets_of(self._container, [self.stream], self._read_error):
            self._note(packet, ledger, unread)
            try:
                decoded = self._codec.decode(packet)
            except av.error.EOFError:
                continue
            except av.error.FFmpegError as error:
                self._error(f"a packet could not be decoded ({(error.strerror or 'invalid data').lower()})")
                continue
            for frame in decoded:
                missing = ledger.returned(frame.pts) if ledger is not None and frame.pts is not None else None
                stamp = frame.dts if frame.pts is None or (in_order and frame.dts is not None) else frame.pts
                moment = timeline.place(None if stamp is None else stamp - self._origin, frame.duration)
                seconds = moment.pts * self.time_base
                if unread is not None and stamp is not None and unread.is_before(stamp, moment.pts):
                    self._error("a part of the file could not be read")
                if self._start is not None and seconds < self._start:
                    continue  # before the place asked for: decoded only because the next ones build upon it
                if self._end is not None and seconds >= self._end:
                    self.damage.finish()
                    return
                self._note_shown(frame, moment, missing)
                yield frame, moment
        self._report_cut()
        self.damage.finish(self._expected_end(ledger, steady=unread is not None and unread.is_steady))
        self._check()

    def _note(self, packet: Packet[Stream], ledger: Ledger | None, unread: UnreadParts | None) -> None:
        """Keep account of a packet that is about to be decoded."""
        if self._cut_short is not None:
            restarts = packet.dts is not None and self._last_dts is not None and (self._last_dts - packet.dts) * self.time_base > JUMP_SECONDS
            self._packets_since_cut += 1
            if restarts:
                self._cut_short = None
            elif self._packets_since_cut > PACKETS_BEFORE_A_RESTART:
                self._report_cut()
        if packet.dts is not None:
            self._last_dts = packet.dts
        if packet.pts is not None:
            self._last_seconds = max(self._last_seconds, self._seconds(packet.pts))
            if ledger is not None and not packet.is_discard:
                ledger.given(packet.pts)
        if packet.pos is not None:
            self._last_position = packet.pos + packet.size
            if unread is not None and packet.pts is not None:
                unread.given(packet.pts, packet.pos, packet.size)
        if packet.is_corrupt and self._cut_short is None:
            self._cut_short, self._packets_since_cut = self._last_seconds, 0
            if not self._container.format.flags & TIMESTAMPS_ARE_ARBITRARY:
                self._report_cut()

    def _note_shown(self, frame: av.VideoFrame, moment: Moment, missing: int | None) -> None:
        seconds = moment.pts * self.time_base
        until = seconds + (moment.duration * self.time_base if moment.duration else self._usual)
        lost = None if missing is None else max(self._start or Fraction(0), self._seconds(missing))
        self.damage.frame(seconds, until, corrupt=frame.is_corrupt, lost=lost if lost is None or lost < seconds else None)
        self._check()

    def _seek(self, start: Fraction) -> None:
        """Go to a place from which all that is shown from `start` on can be decoded; what is before the beginning of the file is its beginning."""
        flags = self._container.format.flags
        if flags & NO_TIMESTAMPS:
            return
        try:
            if not flags & TIMESTAMPS_ARE_ARBITRARY:
                self._enter(start - REORDER_SECONDS)
                return
            places = [start - seconds for seconds in KEY_FRAME_SECONDS if seconds < start]
            for place in places:
                self._enter(place)
                if self._has_key_frame_before(start):
                    self._enter(place)
                    return
            if places:
                self._enter(Fraction(0))
        except av.error.FFmpegError:
            logger.info("%s cannot be searched; it is read from its beginning", self._name)

    def _enter(self, seconds: Fraction) -> None:
        self._container.seek(int(max(Fraction(0), seconds) / self.time_base) + self._origin, stream=self.stream)

    def _has_key_frame_before(self, seconds: Fraction) -> bool:
        """Read on until a key frame comes, or what is shown then."""
        for packet in self._container.demux(self.stream):
            if packet.pts is not None and self._seconds(packet.pts) > seconds:
                return False
            if packet.is_keyframe:
                return True
        return False

    def _expected_end(self, ledger: Ledger | None, *, steady: bool) -> Fraction | None:
        """Return where the images should have ended by the file's own index, tags or packets, None if they ended there."""
        indexed = self._last_indexed_dts
        if indexed is not None and (self._last_dts is None or indexed > self._last_dts):
            if self.stream.duration is not None and self.stream.start_time is not None:
                return self._seconds(self.stream.start_time + self.stream.duration)
            return self._seconds(indexed) + self._usual
        cut_short = self._is_cut_short(self._last_position)
        tagged = tagged_duration_seconds(self.stream)
        # Where the rate is not steady the last frame may well be shown so long.
        if tagged is not None and (cut_short or steady) and tagged - self._last_seconds > Fraction(3, 2) * self._usual:
            return tagged
        if cut_short:
            return self._last_seconds + 2 * self._usual
        return self._last_seconds + self._usual if ledger is not None and ledger.waits else None

    def _each_packet_is_a_frame(self) -> bool:
        context = self.stream.codec_context
        return context.name in ONE_FRAME_A_PACKET and context.field_order in PROGRESSIVE

    def _seconds(self, pts: int) -> Fraction:
        return (pts - self._origin) * self.time_base

    def _read_error(self, error: av.error.FFmpegError) -> None:
        self._error(f"a part of the file could not be read ({(error.strerror or 'invalid data').lower()})")

    def _report_cut(self) -> None:
        if self._cut_short is not None:
            self.damage.error(self._cut_short, "a packet is cut short")
            self._cut_short = None

    def _error(self, reason: str) -> None:
        self.damage.error(self._last_seconds, reason)

    def _check(self) -> None:
        if self._strict and self.damage.ranges:
            raise DamagedInputError(f"{self._name} is damaged: {self.damage.ranges[0]}", hint="leave out --strict to keep what can be decoded")
