"""How the inputs of a run are read and its outputs written."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from p3mvideo.errors import ConfigError
from p3mvideo.frame import FrameSink, FrameSource
from p3mvideo.io.inputs import Input, open_source
from p3mvideo.io.open_sink import can_hold_alpha, containers_with_alpha, open_sink
from p3mvideo.io.pipes.sink import PipeForm
from p3mvideo.io.video.read.rgb import Hdr
from p3mvideo.io.video.write.codecs import CONTAINERS, encoder_for


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How inputs are read; see `p3mvideo.io.inputs.open_source`.

    Raises:
        ConfigError: An option is out of its range.
    """

    start: Fraction | None = None
    end: Fraction | None = None
    threads: int = 0
    strict: bool = False
    hdr: Hdr = "refuse"
    size: tuple[int, int] | None = None
    rate: Fraction | None = None
    pixel_format: str | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= (self.start or 0):
            raise ConfigError(f"--end {float(self.end):g} s does not lie after --start {float(self.start or 0):g} s", hint="exchange them")
        if self.threads < 0:
            raise ConfigError(f"--threads is 0 or more, got {self.threads}", hint="0 lets every part choose")
        if self.size is not None and min(self.size) < 1:
            raise ConfigError(f"--size is at least 1x1, got {self.size[0]}x{self.size[1]}", hint="write it like 1280x720")

    @property
    def trims(self) -> bool:
        """Whether only a part is wanted."""
        return self.start is not None or self.end is not None

    def range_of(self, item: Input) -> tuple[Fraction | None, Fraction | None]:
        """Return the part to read of an input: of pictures, all of them."""
        return (self.start, self.end) if item.kind in ("video", "sequence") else (None, None)

    def open(self, item: Input) -> FrameSource:
        """Return the source of an input, not entered yet. Options that its kind does not have are for others."""
        start, end = self.range_of(item)
        is_pipe = item.kind == "pipe"
        return open_source(
            item,
            start=start,
            end=end,
            threads=self.threads,
            strict=self.strict,
            hdr=self.hdr,
            size=self.size if is_pipe else None,
            rate=self.rate if is_pipe or item.kind == "sequence" else None,
            pixel_format=self.pixel_format if is_pipe else None,
        )


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How outputs are written; see `p3mvideo.io.open_sink.open_sink`.

    Raises:
        ConfigError: An option is out of its range.
    """

    codec: str | None = None
    crf: int | None = None
    bitrate: int | None = None
    overwrite: bool = False
    threads: int = 0
    pipe_form: PipeForm = "y4m"
    pixel_format: str | None = None

    def __post_init__(self) -> None:
        if self.crf is not None and self.bitrate is not None:
            raise ConfigError("--crf and --bitrate exclude each other", hint="give a quality or a bit rate")
        if self.bitrate is not None and self.bitrate < 1:
            raise ConfigError(f"--bitrate is above 0, got {self.bitrate}", hint="write bits per second, such as 800k or 4M")

    def holds_alpha(self, path: Path) -> bool:
        """Return whether an output can be transparent."""
        return can_hold_alpha(path, self.codec, pipe_form=self.pipe_form)

    def check(self, path: Path, *, alpha: bool) -> None:
        """Make sure, before anything is read, that an output can be written the way that is asked for.

        Raises:
            ConfigError: Name, codec, quality and transparency do not go together.
        """
        if alpha and not self.holds_alpha(path):
            codec = f" in {self.codec}" if self.codec else f" in {self.pipe_form}" if str(path) == "-" else ""
            hint = "add --pipe-form png or rawvideo" if str(path) == "-" else f"use {containers_with_alpha()}"
            raise ConfigError(f"{path.name} cannot hold transparency{codec}", hint=hint)
        if path.suffix.lower() in CONTAINERS:
            encoder_for(path, self.codec, alpha=alpha).quality_options(self.crf, self.bitrate)

    def open(self, path: Path, source: FrameSource, item: Input, *, start: Fraction | None, end: Fraction | None, alpha: bool) -> FrameSink:
        """Open an output for the frames of `source`, which are those of `item` from `start` to `end`."""
        return open_sink(
            path,
            source.info,
            source=item.path if item.kind == "video" else None,
            codec=self.codec,
            crf=self.crf,
            bitrate=self.bitrate,
            alpha=alpha,
            overwrite=self.overwrite,
            start=start,
            end=end,
            threads=self.threads,
            pipe_form=self.pipe_form,
            pixel_format=self.pixel_format,
        )
