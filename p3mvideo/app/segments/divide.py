"""Decides which videos are written in segments, and keeps what their segments have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from p3mvideo.app.batch.claims import Claims
from p3mvideo.app.batch.records import segment_folder
from p3mvideo.app.batch.streams import Streams
from p3mvideo.app.batch.unit import Unit
from p3mvideo.app.segments.borders import segment_borders
from p3mvideo.app.segments.divided_file import DividedFile, read_json
from p3mvideo.errors import DamagedInputError, SinkError, SourceError
from p3mvideo.io.damage import DamagedRange
from p3mvideo.io.inputs import Input
from p3mvideo.io.open_sink import is_sequence
from p3mvideo.io.video.read.source import FIND_SECONDS
from p3mvideo.io.video.read.timing.frame_times import read_frame_times
from p3mvideo.io.video.write.codecs import CONTAINERS
from p3mvideo.io.video.write.hardware import HARDWARE, choose_encoder
from p3mvideo.stages import FrameSource


@dataclass(frozen=True)
class Segmenting:
    """Divides videos.

    Args:
        seconds: Length of a segment; 0 divides none.
        claim_expiry: See `Claims`.
    """

    seconds: float = 0.0
    claim_expiry: float = 120.0

    @contextmanager
    def divide(self, unit: Unit, streams: Streams, outputs: Sequence[tuple[Path, bool]]) -> Iterator[DividedFile | None]:
        """Yield the segments of a unit, or None if it is to be written whole: it is short or no video, an output is none or keeps its alpha
        beside its packets, or the times of its frames are not sure.

        Args:
            unit: The unit.
            streams: How it is read and written.
            outputs: Its outputs, and whether each has alpha.

        Raises:
            SinkError: There is no place for segments.
        """
        length = Fraction(self.seconds).limit_denominator(1000)
        if not length or unit.item.kind != "video" or not all(_takes_segments(path, streams, alpha=alpha) for path, alpha in outputs):
            yield None
            return
        start, end = streams.range_of(unit.item)
        times = read_frame_times(unit.item.path)
        borders = segment_borders(times.frames, times.keys, length, start=start, end=end) if times is not None else ()
        if times is None or len(borders) < 2:
            yield None
            return
        folder = segment_folder(unit)
        try:
            if not unit.helps:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"cannot make the folder {folder}: {error.strerror}", hint="choose another output folder") from error
        frames = [time for time in times.frames if time >= borders[0] and (end is None or time < end)]

        def first_from(seconds: Fraction) -> Fraction | None:
            return _first_from(unit.item, streams, seconds, read_from=None if seconds <= borders[0] else max(Fraction(0), seconds - FIND_SECONDS))

        with Claims(self.claim_expiry) as claims:
            yield DividedFile(folder, frames, borders, len(outputs), claims, first_from)


def keep_damage(file: DividedFile, source: FrameSource, number: int) -> None:
    """Keep what of a source could not be decoded by the time that a segment is complete."""
    damaged: Sequence[DamagedRange] = getattr(source, "damaged", ())
    if damaged:
        file.keep_damage(number, damaged)


def kept_damage(file: DividedFile) -> tuple[DamagedRange, ...]:
    """Return what could not be decoded in the whole video; parts that were read twice are told once."""
    found = [DamagedRange(Fraction(start), Fraction(end), why) for path in file.folder.glob("*.damage") for start, end, why in read_json(path)]
    joined: list[DamagedRange] = []
    for damage in sorted(found, key=lambda damage: (damage.start_seconds, damage.end_seconds, damage.reason)):
        if joined and damage.start_seconds <= joined[-1].end_seconds:
            last = joined.pop()
            damage = DamagedRange(last.start_seconds, max(last.end_seconds, damage.end_seconds), last.reason)
        joined.append(damage)
    return tuple(joined)


def _first_from(item: Input, streams: Streams, seconds: Fraction, *, read_from: Fraction | None) -> Fraction | None:
    """Return the time of the first frame from a time on that can be decoded, None if there is none.

    Raises:
        SourceError: The input cannot be read at all.
        DamagedInputError: It is damaged there, and damage is to end the work.
    """
    try:
        with streams.open_source(item, read_from=read_from) as source:
            return next((frame.seconds for frame in source if frame.seconds >= seconds), None)
    except DamagedInputError:
        raise
    except SourceError:
        with streams.open_source(item):  # there is a first frame, so it is only from there on that there is none
            return None


def _takes_segments(path: Path, streams: Streams, *, alpha: bool) -> bool:
    if is_sequence(path) or path.suffix.lower() not in CONTAINERS:
        return False
    # Encoders in hardware close their groups of images as they like.
    encoder = choose_encoder(path, streams.writing.codec, alpha=alpha)
    return encoder.ffmpeg_name not in HARDWARE and not (alpha and encoder.codec == "vp9")
