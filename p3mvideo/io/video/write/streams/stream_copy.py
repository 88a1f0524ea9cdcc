"""Carries everything but the images of a video over to another one, packet by packet."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import av.error
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from p3mvideo.io.video.read.file import TIMESTAMPS_ARE_ARBITRARY, clock_origin_seconds, frame_rate, image_stream, open_video_file
from p3mvideo.io.video.read.packets import packets_of
from p3mvideo.io.video.read.timing.joined_clock import JoinedClock, joined
from p3mvideo.io.video.read.unshowable import is_sound_encrypted
from p3mvideo.io.video.write.streams.anonymous_ass import AnonymousAss, anonymous_ass
from p3mvideo.io.video.write.streams.audio_encoder import NAMES, SoundEncoder, sound_encoder
from p3mvideo.io.video.write.streams.chapters import kept_chapters
from p3mvideo.io.video.write.streams.metadata import kept_metadata, needs_free_keys
from p3mvideo.io.video.write.streams.pcm_gaps import SAMPLE_BYTES, PcmGaps
from p3mvideo.io.video.write.streams.playable import PLAYABLE, Decision, codec_of, decide
from p3mvideo.io.video.write.streams.subtitles import TextSubtitles, text_subtitles
from p3mvideo.io.video.write.streams.timecode import moved_timecode
from p3mvideo.options.parsing.times import LONGEST_SECONDS

logger = logging.getLogger(__name__)

TIMES_MAY_BE_EQUAL: Final = 0x20000
"""FFmpeg's flag AVFMT_TS_NONSTRICT of a container format: decoding times need not increase."""
PRIMING_SECONDS: Final = Fraction(1, 10)
"""What an edit list hides before the first sound is the encoder's delay, which decoders need, up to this length; longer, it was cut away."""
BESIDE_IMAGES_SECONDS: Final = Fraction(1)
"""How far a file's sound may lie from the images of its time."""

Rewriter = TextSubtitles | AnonymousAss | SoundEncoder | PcmGaps


@dataclass
class _Track:
    """A stream on its way from one file to the other."""

    target: Stream
    shift: int
    """What is added to its timestamps, in units of the source stream's time base."""
    rewriter: Rewriter | None
    """What its packets go through, None if they are copied as they are."""
    hidden: list[Packet[Stream]] | None = field(default_factory=list)
    """Packets at its beginning that an edit list hides, until it is known whether they are priming; then None."""
    last: int | None = None
    """Time of the packet before, in units of the target's time base."""
    is_damaged: bool = False
    """Whether a packet could not be written, which is said once."""


class StreamCopy:
    """Copies audio, subtitles, attachments, chapters and metadata of a video into another one, between two times.

    What becomes of each stream is decided by `playable.decide`; what is left out is said in one line a stream.

    Args:
        source: The file to copy from.
        start: First time to copy, in seconds from the beginning of `source`; becomes time zero of the output.
        end: First time not to copy.
        sound: Whether to copy audio.
        identity: Whether to copy what may show or name someone: metadata, attachments, titles of chapters, names in subtitles.

    Raises:
        SourceError: If `source` cannot be opened.
    """

    def __init__(
        self, source: Path, *, start: Fraction | None = None, end: Fraction | None = None, sound: bool = True, identity: bool = True
    ) -> None:
        self._path = source
        self._sound, self._identity = sound, identity
        self._start, self._end = start or Fraction(0), end
        self._tracks: dict[int, _Track] = {}
        self._packets: Iterator[Packet[Stream]] = iter(())
        self._next: Packet[Stream] | None = None
        self._container = open_video_file(source)
        try:
            self._origin = clock_origin_seconds(self._container)
            self.video: VideoStream = image_stream(self._container, source)
            """The stream of images, which is not copied."""
        except BaseException:
            self._container.close()
            raise

    def begin(self, output: OutputContainer) -> None:
        """Add the streams to copy to `output`, whose own are all there and whose header is not written yet."""
        self._output = output
        self._add_tracks(output)
        self._copy_metadata(output)
        self._packets = self._read()
        self._next = next(self._packets, None)

    @property
    def has_free_metadata(self) -> bool:
        """Whether some metadata has no place of its own in mp4 and mov."""
        return needs_free_keys(self.kept(self._container.metadata))

    def advance(self, until_seconds: Fraction) -> None:
        """Mux what is to be played before this time of the output."""
        while self._next is not None and _seconds(self._next) <= until_seconds:
            self._mux_next()

    def finish(self) -> None:
        """Mux all that is left."""
        while self._next is not None:
            self._mux_next()
        for track in self._tracks.values():
            if track.rewriter is not None:
                self._mux(track, track.rewriter.flush())

    def close(self) -> None:
        """Release the source. May be called any number of times."""
        self._next = None
        self._packets = iter(())
        self._container.close()

    def kept(self, metadata: dict[str, str]) -> dict[str, str]:
        """Return the metadata that still holds, and may be told, in the other file."""
        kept = kept_metadata(metadata, identity=self._identity)
        for key in [key for key in kept if key.lower() == "timecode" and self._start]:
            rate = frame_rate(self.video)
            moved = moved_timecode(kept.pop(key), self._start, rate) if rate else None
            if moved is not None:
                kept[key] = moved
        return kept

    def _add_tracks(self, output: OutputContainer) -> None:
        encrypted = is_sound_encrypted(self._path)
        for stream in self._container.streams:
            wanted = stream.index != self.video.index and (self._sound or stream.type != "audio")
            decision = decide(stream, output.format.name, identity=self._identity)
            stream.discard = Discard.all
            if wanted and stream.type == "audio" and encrypted:
                self._leave_out(stream, "it is encrypted")
            elif wanted and decision.way == "leave out":
                self._leave_out(stream, decision.reason)
            elif wanted and decision.way != "carried otherwise":
                self._add(stream, decision, output)

    def _add(self, stream: Stream, decision: Decision, output: OutputContainer) -> None:
        rewriter: Rewriter | None = None
        try:
            if decision.way == "encode" and isinstance(stream, AudioStream):
                rewriter = self._encoder(stream, decision, output)
                if rewriter is None:
                    return
            elif decision.way == "rewrite":
                rewriter = self._subtitles(stream, output)
            target = rewriter.target if rewriter is not None else output.add_stream_from_template(stream)
            codec = codec_of(stream)
            if rewriter is None and output.format.name == "mov" and isinstance(stream, AudioStream) and codec in SAMPLE_BYTES:
                rewriter = PcmGaps(stream, codec, target)
        except (ValueError, av.error.FFmpegError) as error:
            if decision.way == "copy" and stream.type == "audio":
                self._add(stream, Decision("encode", f"{output.format.name} files cannot hold it ({error})"), output)
            else:
                self._leave_out(stream, f"{output.format.name} files cannot hold it ({error})")
            return
        stream.discard = Discard.default
        target.metadata.clear()
        target.metadata.update(self.kept(stream.metadata))
        target.disposition = stream.disposition
        if stream.type != "attachment" and stream.time_base:
            shift = -round((self._start + self._origin) / stream.time_base)
            self._tracks[stream.index] = _Track(target, shift, rewriter)

    def _encoder(self, stream: AudioStream, decision: Decision, output: OutputContainer) -> SoundEncoder | None:
        name = PLAYABLE[output.format.name].sound_encoder
        encoder = sound_encoder(stream, output, name)
        if encoder is None:
            self._leave_out(stream, f"{decision.reason}, and the encoder {name} is not built into this FFmpeg")
        else:
            logger.warning("%s is encoded as %s: %s", self._named(stream), NAMES[name], decision.reason)
        return encoder

    def _subtitles(self, stream: Stream, output: OutputContainer) -> TextSubtitles | AnonymousAss:
        if codec_of(stream) == "ass":
            return anonymous_ass(stream, output)
        return text_subtitles(stream, output, PLAYABLE[output.format.name].text_subtitles, plain=not self._identity)

    def _named(self, stream: Stream) -> str:
        return f"{self._path}: {stream.type} stream {stream.index} ({codec_of(stream) or stream.metadata.get('filename') or 'unknown'})"

    def _leave_out(self, stream: Stream, reason: str) -> None:
        logger.warning("%s is left out: %s", self._named(stream), reason)

    def _copy_metadata(self, output: OutputContainer) -> None:
        output.metadata.update(self.kept(self._container.metadata))
        length = None if self._end is None else self._end - self._start
        chapters = kept_chapters(self._container.chapters(), start=self._start + self._origin, length=length, identity=self._identity)
        if chapters:
            output.set_chapters(chapters)

    def _read(self) -> Iterator[Packet[Stream]]:
        """Yield the packets to copy, with their times in the output's clock."""
        if not self._tracks:
            return
        ended: set[int] = set()
        for packet in self._packets_in_order():
            track = self._tracks[packet.stream_index]
            for shown in self._shown(packet, track):
                moved = self._move(shown, track)
                if moved is None:
                    continue
                if self._end is not None and _seconds(moved) >= self._end - self._start:
                    ended.add(moved.stream_index)
                    if len(ended) == len(self._tracks):
                        return
                    continue
                yield moved

    def _packets_in_order(self) -> Iterator[Packet[Stream]]:
        """Yield the packets of all tracks; what comes after a break of the file's clock is moved along with its images."""
        streams = [self._container.streams[index] for index in self._tracks]
        is_arbitrary = bool(self._container.format.flags & TIMESTAMPS_ARE_ARBITRARY)
        if is_arbitrary:
            self.video.discard = Discard.default
            streams.append(self.video)
        if self._start:
            self._seek()
        packets = (
            packet
            for packet in packets_of(self._container, streams, self._read_error)
            if (packet.dts is not None or packet.pts is not None) and abs(_begins(packet)) < LONGEST_SECONDS
        )
        if not is_arbitrary:
            return packets
        clock = JoinedClock(self.video.index, 1 / (frame_rate(self.video) or Fraction(25)))
        return joined(packets, clock, str(self._path))

    def _shown(self, packet: Packet[Stream], track: _Track) -> list[Packet[Stream]]:
        """Return what is to be copied now: nothing that an edit list hides, but for the priming of a decoder."""
        if isinstance(track.rewriter, SoundEncoder):
            return [packet]  # the decoder needs what is hidden, and returns none of it
        if packet.is_discard:
            if track.hidden is not None:
                track.hidden.append(packet)
                if _begins(packet) - _begins(track.hidden[0]) > PRIMING_SECONDS:
                    track.hidden = None
            return []
        hidden, track.hidden = track.hidden or [], None
        is_priming = bool(hidden) and _begins(packet) - _begins(hidden[0]) <= PRIMING_SECONDS
        return [*hidden, packet] if is_priming else [packet]

    def _seek(self) -> None:
        """Enter at the images: tracks may begin anywhere, and what comes before the first packet of one would be left out of all."""
        start = self._start - BESIDE_IMAGES_SECONDS
        if start > 0 and self.video.time_base:
            try:
                self._container.seek(int((start + self._origin) / self.video.time_base), stream=self.video)
            except av.error.FFmpegError:
                logger.info("%s cannot be searched; it is read from its beginning", self._path)

    def _move(self, packet: Packet[Stream], track: _Track) -> Packet[Stream] | None:
        """Bring a packet to the output's clock; None if it lies before the start."""
        time = packet.pts if packet.pts is not None else packet.dts
        assert time is not None
        time += track.shift
        if time < 0 and self._start:
            # A subtitle that is still showing begins with the output; sound from before it would come late.
            shown_until = time + (packet.duration or 0)
            if packet.stream.type != "subtitle" or shown_until <= 0:
                return None
            packet.duration, time = shown_until, 0
        packet.pts = packet.dts = time
        return packet

    def _mux_next(self) -> None:
        packet = self._next
        assert packet is not None
        track = self._tracks[packet.stream_index]
        self._mux(track, [packet] if track.rewriter is None else track.rewriter.rewrite(packet))
        self._next = next(self._packets, None)

    def _mux(self, track: _Track, packets: Iterable[Packet[Any]]) -> None:
        """Mux packets with their times in units of the target, none before the one before it."""
        unit = track.target.time_base
        assert unit is not None
        step = 0 if self._output.format.flags & TIMES_MAY_BE_EQUAL else 1
        for packet in packets:
            time = round((packet.pts or 0) * packet.time_base / unit)
            if track.last is not None:
                time = max(time, track.last + step)
            duration = round((packet.duration or 0) * packet.time_base / unit)
            packet.stream = track.target
            packet.time_base = unit
            packet.pts = packet.dts = track.last = time
            packet.duration = duration
            try:
                self._output.mux_one(packet)
            except (av.error.InvalidDataError, av.error.ArgumentError) as error:  # broken sound must not cost the images
                if not track.is_damaged:
                    logger.warning("%s: a part of a %s stream could not be written (%s)", self._path, track.target.type, error.strerror)
                track.is_damaged = True

    def _read_error(self, error: av.error.FFmpegError) -> None:
        logger.warning("a part of the sound or subtitles of %s could not be read (%s)", self._path, error.strerror)


def _begins(packet: Packet[Stream]) -> Fraction:
    time = packet.pts if packet.pts is not None else packet.dts or 0
    return time * packet.time_base


def _seconds(packet: Packet[Stream]) -> Fraction:
    return (packet.dts or 0) * packet.time_base
