"""How inputs are read and outputs written."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from p3mvideo.errors import ConfigError
from p3mvideo.options.option import Option, Options
from p3mvideo.options.parsing.texts import parse_bitrate, parse_size, show_size
from p3mvideo.options.parsing.times import exact_rate, parse_time

Hdr = Literal["refuse", "tonemap"]
PipeForm = Literal["y4m", "rawvideo", "png"]
Even = Literal["keep", "pad", "crop"]


@dataclass(frozen=True, kw_only=True)
class ReadOptions(Options):
    """How inputs are read."""

    panel: ClassVar[str | None] = "Reading"

    start: Annotated[str | float | None, Option("Start time: seconds or [h:]m:s.", metavar="TIME")] = None
    end: Annotated[str | float | None, Option("End time.", metavar="TIME")] = None
    hdr: Annotated[Hdr, Option("Whether HDR video is refused or tone-mapped.")] = "refuse"
    strict: Annotated[bool, Option("Stop at the first damage instead of continuing after it.")] = False
    size: Annotated[
        tuple[int, int] | None,
        Option("Size of raw video on standard input.", minimum=1, maximum=99_999, metavar="WxH", parse=parse_size, show=show_size),
    ] = None
    rate: Annotated[float | None, Option("Frames per second of an image sequence or of raw video.")] = None
    pixel_format: Annotated[str | None, Option("Pixel format of raw video, by FFmpeg's name.")] = None

    def check(self) -> None:
        """Raise ConfigError for times and rates that make no sense."""
        exact_rate(self.rate)
        start, end = self.start_seconds, self.end_seconds
        if end is not None and end <= (start or 0):
            raise ConfigError(f"the end, {float(end):g} s, is not after the start, {float(start or 0):g} s", hint="swap --start and --end")

    @property
    def start_seconds(self) -> Fraction | None:
        """Where to begin; None: at the first frame."""
        return parse_time(self.start, "--start")

    @property
    def end_seconds(self) -> Fraction | None:
        """Where to end; None: behind the last frame."""
        return parse_time(self.end, "--end")

    @property
    def trims(self) -> bool:
        """Whether only a part is wanted."""
        return self.start is not None or self.end is not None


@dataclass(frozen=True, kw_only=True)
class WriteOptions(Options):
    """How outputs are written."""

    panel: ClassVar[str | None] = "Writing"

    codec: Annotated[
        str | None,
        Option(
            "h264, hevc, vp9, ffv1 or prores; auto takes a hardware encoder that works, else the container's default; or the name of one: "
            "h264_nvenc, h264_qsv, h264_amf, h264_videotoolbox.",
            unset="the container's own",
        ),
    ] = None
    crf: Annotated[int | None, Option("Constant quality on the codec's scale.", minimum=-1000, maximum=1000)] = None
    bitrate: Annotated[
        int | None, Option("Bits per second, instead of a quality.", minimum=1, maximum=10**12, metavar="BITS[k|M]", parse=parse_bitrate)
    ] = None
    even: Annotated[
        Even, Option("What happens to an odd width or height: keep it, pad a column or row, or crop one; phones play even sizes only.")
    ] = "keep"
    audio: Annotated[Literal["keep", "drop"], Option("Whether audio is kept.")] = "keep"
    keep_metadata: Annotated[
        bool, Option("Where faces are hidden in the result, keep also metadata, attached files and names in subtitles, which may tell who it is.")
    ] = False
    pipe_form: Annotated[PipeForm, Option("Format written to standard output.")] = "y4m"
    overwrite: Annotated[bool, Option("Replace outputs that exist.")] = False

    def check(self) -> None:
        """Raise ConfigError where options contradict each other."""
        if self.crf is not None and self.bitrate is not None:
            raise ConfigError("a quality (crf) and a bit rate exclude each other", hint="give --crf or --bitrate")
