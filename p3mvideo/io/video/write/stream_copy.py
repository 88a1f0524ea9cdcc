"""Carries everything but the pictures of a video over to another one, packet by packet."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
import av.error
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from p3mvideo.io.video.read.file import clock_origin_seconds, open_video_file, picture_stream
from p3mvideo.io.video.read.packets import packets_of
from p3mvideo.io.video.write.audio_encoder import SoundEncoder, sound_encoder
from p3mvideo.io.video.write.subtitles import TextSubtitles, text_subtitles

if TYPE_CHECKING:
    from av.container.core import Chapter

logger = logging.getLogger(__name__)

FORGOTTEN_METADATA = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "bps"})
"""What a muxer says of its own file; it would be wrong in another one."""
FORGOTTEN_PREFIXES = ("_statistics", "number_of_", "duration-", "bps-")


HARMLESS_METADATA: Final = frozenset({"language", "filename", "mimetype"})
"""What tells nothing of whoever made a video. A list of what does would never be complete."""

STANDARD_METADATA: Final = frozenset(
    {
        "title", "artist", "album_artist", "album", "composer", "date", "comment", "genre", "copyright", "grouping", "lyrics",
        "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc", "creation_time", "location",
        "language", "media_type", "hd_video", "gapless_playback", "compilation",
    }
)  # fmt: skip
"""What mp4 and mov have places of their own for; players look there. Anything else needs a table of free keys."""


@dataclass
class _Track:
    """A stream on its way from one file to the other."""

    target: Stream
    shift: int
    """What is added to its timestamps, in units of the source stream's time base."""
    rewriter: TextSubtitles | SoundEncoder | None
    """What its packets go through, None if they are copied as they are."""
    last_dts: int | None = None


class StreamCopy:
    """Copies audio, subtitles, attachments, chapters and metadata of a video into another one, between two times.

    Args:
        source: The file to copy from.
        start: First time to copy, in seconds from the beginning of `source`; becomes time zero of the output.
        end: First time not to copy.
        sound: Whether to copy audio.
        identity: Whether to copy metadata that may tell who made the video, with what and where, and attached pictures.

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
            self.video: VideoStream = picture_stream(self._container, source)
            """The stream of pictures, which is not copied."""
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
        return any(key.lower().partition("-")[0] not in STANDARD_METADATA for key in self.kept(self._container.metadata))

    def advance(self, until_seconds: Fraction) -> None:
        """Mux what is to be played before this time of the output."""
        while self._next is not None and self._seconds(self._next) <= until_seconds:
            self._mux_next()

    def finish(self) -> None:
        """Mux all that is left."""
        while self._next is not None:
            self._mux_next()
        for track in self._tracks.values():
            if track.rewriter is not None:
                self._mux_rewritten(track, track.rewriter.flush())

    def close(self) -> None:
        """Release the source. May be called any number of times."""
        self._next = None
        self._packets = iter(())
        self._container.close()

    def _add_tracks(self, output: OutputContainer) -> None:
        for stream in self._container.streams:
            stream.discard = Discard.all
            if not self._is_wanted(stream):
                continue
            rewriter: TextSubtitles | SoundEncoder | None = text_subtitles(stream, output)
            try:
                target = rewriter.target if rewriter is not None else output.add_stream_from_template(stream)
            except (ValueError, av.error.FFmpegError) as error:
                rewriter = sound_encoder(stream, output)
                if rewriter is None:
                    self._leave_out(stream, output, error)
                    continue
                target = rewriter.target
            stream.discard = Discard.default
            target.metadata.update(self.kept(stream.metadata))
            target.disposition = stream.disposition
            if stream.type != "attachment" and stream.time_base:
                shift = -round((self._start + self._origin) / stream.time_base)
                self._tracks[stream.index] = _Track(target, shift, rewriter)

    def _is_wanted(self, stream: Stream) -> bool:
        if stream.type == "audio":
            return self._sound
        if stream.type == "attachment":
            return self._identity or "font" in stream.metadata.get("mimetype", "")
        return stream.type == "subtitle"

    def kept(self, metadata: dict[str, str]) -> dict[str, str]:
        """Return the metadata that still holds, and may be told, in the other file."""
        kept = kept_metadata(metadata)
        return kept if self._identity else {key: value for key, value in kept.items() if key.lower() in HARMLESS_METADATA}

    def _leave_out(self, stream: Stream, output: OutputContainer, error: Exception) -> None:
        logger.warning(
            "%s stream %d (%s) of %s is left out: %s files cannot hold it (%s)",
            stream.type, stream.index, stream.name, self._path, output.format.name, error,
        )  # fmt: skip

    def _copy_metadata(self, output: OutputContainer) -> None:
        output.metadata.update(self.kept(self._container.metadata))
        chapters = [moved for chapter in self._container.chapters() if (moved := self._move_chapter(chapter)) is not None]
        if chapters:
            output.set_chapters(chapters)

    def _move_chapter(self, chapter: Chapter) -> Chapter | None:
        time_base = chapter["time_base"] or Fraction(1, 1000)
        shift = round((self._start + self._origin) / time_base)
        first, last = chapter["start"] - shift, chapter["end"] - shift
        if self._end is not None:
            last = min(last, round((self._end - self._start) / time_base))
        if last <= max(first, 0):
            return None
        return {**chapter, "start": max(first, 0), "end": last, "time_base": time_base}

    def _read(self) -> Iterator[Packet[Stream]]:
        """Yield the packets to copy, with their times in the output's clock."""
        streams = [self._container.streams[index] for index in self._tracks]
        if not streams:
            return
        if self._start:
            self._seek(streams[0])
        ended: set[int] = set()
        for packet in packets_of(self._container, streams, self._read_error):
            if packet.dts is None and packet.pts is None:
                continue
            track = self._tracks[packet.stream_index]
            moved = self._move(packet, track)
            if moved is None:
                continue
            if self._end is not None and self._seconds(moved) >= self._end - self._start:
                ended.add(moved.stream_index)
                if len(ended) == len(streams):
                    return
                continue
            yield moved

    def _seek(self, stream: Stream) -> None:
        if stream.time_base:
            try:
                self._container.seek(int((self._start + self._origin) / stream.time_base), stream=stream)
            except av.error.FFmpegError:
                logger.info("%s cannot be searched; it is read from its beginning", self._path)

    def _move(self, packet: Packet[Stream], track: _Track) -> Packet[Stream] | None:
        """Bring a packet to the output's clock; None if it lies before the start."""
        pts = packet.pts if packet.pts is not None else packet.dts
        assert pts is not None
        pts += track.shift
        if pts < 0 and self._start:
            # A subtitle that is still showing begins with the output; sound from before it would come late.
            shown_until = pts + (packet.duration or 0)
            if packet.stream.type != "subtitle" or shown_until <= 0:
                return None
            packet.duration, pts = shown_until, 0
            packet.dts = None
        dts = pts if packet.dts is None else packet.dts + track.shift
        if track.last_dts is not None and dts <= track.last_dts:  # muxers refuse times that stand still
            dts = track.last_dts + 1
        packet.dts = track.last_dts = dts
        packet.pts = max(pts, dts)
        return packet

    def _mux_next(self) -> None:
        packet = self._next
        assert packet is not None
        track = self._tracks[packet.stream_index]
        if track.rewriter is None:
            packet.stream = track.target
            self._output.mux_one(packet)
        else:
            self._mux_rewritten(track, track.rewriter.rewrite(packet))
        self._next = next(self._packets, None)

    def _mux_rewritten(self, track: _Track, packets: list[Packet[Any]]) -> None:
        for packet in packets:
            packet.stream = track.target
            self._output.mux_one(packet)

    @staticmethod
    def _seconds(packet: Packet[Stream]) -> Fraction:
        return (packet.dts or 0) * packet.time_base

    def _read_error(self, error: av.error.FFmpegError) -> None:
        logger.warning("a part of the sound or subtitles of %s could not be read (%s)", self._path, error.strerror)


def kept_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Return the metadata that still holds in another file."""
    return {key: value for key, value in metadata.items() if key.lower() not in FORGOTTEN_METADATA and not key.lower().startswith(FORGOTTEN_PREFIXES)}
