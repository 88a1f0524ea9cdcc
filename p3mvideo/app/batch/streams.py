"""How the inputs of a run are read and its outputs written."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from p3mvideo.app.batch.output_plan import STDOUT, OutputPlan
from p3mvideo.app.batch.unit import Unit
from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.io.images.sequence_sink import sequence_place
from p3mvideo.io.inputs import Input, open_source
from p3mvideo.io.open_sink import can_hold_alpha, containers_with_alpha, is_sequence, open_sink
from p3mvideo.io.video.write.codecs import CONTAINERS
from p3mvideo.io.video.write.hardware import AUTO, HARDWARE, choose_encoder
from p3mvideo.io.video.write.segment import Segment
from p3mvideo.io.video.write.segment_sink import SegmentSink
from p3mvideo.io.video.write.sink import VideoSink
from p3mvideo.options import ReadOptions, WriteOptions
from p3mvideo.stages import FrameSink, FrameSource


@dataclass(frozen=True, kw_only=True)
class Streams:
    """Opens the sources and sinks of a run by its options."""

    reading: ReadOptions
    writing: WriteOptions
    threads: int = 0
    """CPU threads of decoder and encoder each; 0 lets them choose."""

    def range_of(self, item: Input) -> tuple[Fraction | None, Fraction | None]:
        """Return the part to read of an input, in seconds: of an image, all of it."""
        return (self.reading.start_seconds, self.reading.end_seconds) if item.has_length else (None, None)

    def open_source(self, item: Input, *, read_from: Fraction | None = None) -> FrameSource:
        """Return the source of an input, not entered yet. Options that its kind does not have are for others.

        Args:
            item: The input.
            read_from: Where to begin instead of at its start, in seconds; about there.
        """
        reading = self.reading if read_from is None else replace(self.reading, start=f"{float(read_from):.6f}")
        if not item.has_length:
            reading = replace(reading, start=None, end=None)
        if item.kind != "pipe":
            reading = replace(reading, size=None, pixel_format=None, rate=reading.rate if item.kind == "sequence" else None)
        elif self._writes_pixel_format and reading.size is None:
            reading = replace(reading, pixel_format=None)
        return open_source(item, reading, threads=self.threads, size=None if read_from is None else self._size_of(item))

    def _size_of(self, item: Input) -> tuple[int, int] | None:
        """Return the size that all of a video is brought to: it may change midway, and be entered behind that."""
        if item.kind != "video":
            return None
        with self.open_source(item) as source:
            return source.info.width, source.info.height

    def open_sink(self, path: Path, source: FrameSource, unit: Unit, *, alpha: bool = False) -> FrameSink:
        """Open an output of a unit for the frames of `source`."""
        item = unit.item
        start, end = self.range_of(item)
        writing = replace(self.writing, overwrite=self.writing.overwrite or unit.replaces)
        return open_sink(
            path, source.info, writing, source=item.path if item.kind == "video" else None, alpha=alpha, start=start, end=end,
            threads=self.threads, pixel_format=self.reading.pixel_format if self._writes_pixel_format else None,
        )  # fmt: skip

    def open_segment(self, path: Path, video: Path, source: FrameSource, item: Input, *, alpha: bool = False) -> FrameSink:
        """Open a segment of an output `video` for frames of `source`, which are those of `item`."""
        start, _ = self.range_of(item)
        return SegmentSink(path, video, source.info, self.writing, source=item.path, alpha=alpha, start=start, threads=self.threads)

    def join(self, segments: Sequence[Path], video: Path, source: FrameSource, unit: Unit, *, alpha: bool = False, frames: int | None = None) -> None:
        """Make an output of a unit of its segments, without encoding again, and with everything else that is copied.

        Args:
            segments: All of them, in order.
            video: The output.
            source: The frames of the unit; only what they look like matters.
            unit: The unit.
            alpha: Whether frames have four channels.
            frames: How many there must be; None: any number.

        Raises:
            SinkError: They do not belong together, there are more or fewer frames, or the output cannot be written.
        """
        sink = self.open_sink(video, source, unit, alpha=alpha)
        assert isinstance(sink, VideoSink)
        with closing(sink):
            joined = sink.join(map(Segment, segments))
            if frames is not None and joined != frames:
                raise SinkError(f"{video} was not written: its segments hold {joined} frames, expected {frames}", hint="please report this")
            sink.finish()

    def holds_alpha(self, path: Path) -> bool:
        """Return whether an output can be transparent."""
        return can_hold_alpha(path, self.writing.codec, pipe_form=self.writing.pipe_form)

    def check(self, items: Sequence[Input], plans: Sequence[OutputPlan]) -> None:
        """Make sure that the inputs and outputs of a run have what the options ask for, before anything is opened.

        Raises:
            ConfigError: They do not.
        """
        kinds = {item.kind for item in items}
        if self.reading.trims and items and ("pipe" in kinds or not any(item.has_length for item in items)):
            name = "standard input" if "pipe" in kinds else "images"
            raise ConfigError(f"start and end do not apply to {name}", hint="use --start and --end with videos and sequences")
        piped = "pipe" in kinds or any(STDOUT in plan.paths() for plan in plans)
        if items and not piped and (self.reading.size is not None or self.reading.pixel_format is not None):
            hint = "leave --size and --pixel-format out, or use -"
            raise ConfigError("size and pixel format are for raw video in a pipe, and there is none", hint=hint)

    def check_output(self, path: Path, *, alpha: bool) -> None:
        """Make sure that an output can be written the way that is asked for.

        Raises:
            ConfigError: Name, codec, quality and transparency do not go together.
        """
        if alpha and not self.holds_alpha(path):
            codec = f" in {self.writing.codec}" if self.writing.codec else f" in {self.writing.pipe_form}" if path == STDOUT else ""
            hint = "add --pipe-form png or rawvideo" if path == STDOUT else f"use {containers_with_alpha()}"
            raise ConfigError(f"{path.name} cannot hold transparency{codec}", hint=hint)
        if path != STDOUT and is_sequence(path):
            sequence_place(path)
        elif path.suffix.lower() in CONTAINERS:
            choose_encoder(path, self.writing.codec, alpha=alpha).quality_options(self.writing.crf, self.writing.bitrate)

    def encoder_in_use(self, plans: Sequence[OutputPlan]) -> str | None:
        """Return what is said of the encoder where the choice was left to the program; None where it was not, or no H.264 is written."""
        video = next((path for plan in plans for path in plan.paths() if path.suffix.lower() in CONTAINERS), None)
        if self.writing.codec != AUTO or video is None:
            return None
        encoder = choose_encoder(video, AUTO, alpha=False)
        if encoder.codec != "h264":
            return None
        return f"H.264 is encoded by {encoder.ffmpeg_name}" + ("" if encoder.ffmpeg_name in HARDWARE else ", for no encoder in hardware works here")

    @property
    def _writes_pixel_format(self) -> bool:
        return self.writing.pipe_form == "rawvideo"
