"""Chooses the sink that a path asks for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from p3mvideo.errors import ConfigError
from p3mvideo.frame import StreamInfo
from p3mvideo.io.images.file import ALPHA_SUFFIXES, WRITABLE
from p3mvideo.io.images.sequence_pattern import is_pattern
from p3mvideo.io.images.sequence_sink import SequenceSink
from p3mvideo.io.images.sink import ImageSink
from p3mvideo.io.pipes.sink import PipeSink
from p3mvideo.io.video.write.codecs import CONTAINERS, alpha_choices
from p3mvideo.io.video.write.hardware import AUTO, choose_encoder
from p3mvideo.io.video.write.sink import VideoSink
from p3mvideo.options import WriteOptions
from p3mvideo.options.media import PipeForm
from p3mvideo.stages import FrameSink


def open_sink(
    path: Path | str,
    info: StreamInfo,
    options: WriteOptions = WriteOptions(),
    *,
    source: Path | None = None,
    alpha: bool = False,
    start: Fraction | None = None,
    end: Fraction | None = None,
    threads: int = 0,
    pixel_format: str | None = None,
) -> FrameSink:
    """Open a video, image, sequence or pipe for writing.

    Args:
        path: `-` is standard output; a suffix of a video or image says which; a name with a place for a number
            (`frame_%05d.png`) or without any suffix is a sequence of PNG files.
        info: Size, rate and number of the frames.
        options: How it is written.
        source: The video file that the frames come from, if it is one; see `VideoSink`.
        alpha: Whether frames have four channels, straight RGBA.
        start: For videos: where the frames begin in `source`, in seconds.
        end: For videos: where they end in `source`.
        threads: For videos: threads to encode with, 0 for as many as there are cores.
        pixel_format: For raw video in a pipe: FFmpeg's name of its pixels.

    Raises:
        ConfigError: If path, codec, alpha and quality do not go together.
        SinkError: If the output cannot be written, as far as that can be known now.
    """
    if str(path) == "-":
        return PipeSink(info, form=options.pipe_form, pixel_format=pixel_format, alpha=alpha)
    path = Path(path)
    if is_sequence(path):
        return SequenceSink(path, info, alpha=alpha, overwrite=options.overwrite)
    if path.suffix.lower() in WRITABLE:
        if info.frames is not None and info.frames > 1:
            raise ConfigError(
                f"{path.name} is one image, the input has {info.frames} frames",
                hint="name a video, or a sequence like frame_%05d.png",
            )
        return ImageSink(path, alpha=alpha, overwrite=options.overwrite)
    if path.suffix.lower() not in CONTAINERS:
        raise ConfigError(
            f"{path.name}: {path.suffix} is neither a video nor an image that can be written",
            hint=f"use one of {', '.join((*CONTAINERS, *WRITABLE))}, a name like frame_%05d.png, or a folder",
        )
    return VideoSink(
        path,
        info,
        source=source,
        codec=options.codec,
        crf=options.crf,
        bitrate=options.bitrate,
        alpha=alpha,
        overwrite=options.overwrite,
        start=start,
        end=end,
        threads=threads,
        sound=options.audio == "keep",
        identity=options.keep_metadata,
        even=options.even,
    )


def is_sequence(path: Path) -> bool:
    """Return whether an output of this name is a sequence: it has a place for a number, such as frame_%05d.png, or no suffix.

    A video may have `%05d` in its name: only images can be numbered.
    """
    return not path.suffix or (is_pattern(path) and path.suffix.lower() not in CONTAINERS)


def can_hold_alpha(path: Path | str, codec: str | None = None, *, pipe_form: PipeForm = "y4m") -> bool:
    """Return whether an output of this name (and codec, for videos) can have a transparent background."""
    if str(path) == "-":
        return pipe_form != "y4m"
    path = Path(path)
    if is_sequence(path):
        return True
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        return path.suffix.lower() in ALPHA_SUFFIXES
    return bool(container.alpha_codecs) if codec in (None, AUTO) else codec in container.alpha_codecs


def halves_chroma(path: Path, codec: str | None = None) -> bool:
    """Return whether an output of this name and codec, without alpha, is a video with one colour for every two by two pixels."""
    if str(path) == "-" or path.suffix.lower() not in CONTAINERS:
        return False
    return choose_encoder(path, codec, alpha=False).pixel_format in ("yuv420p", "nv12")


def containers_with_alpha() -> str:
    """Describe what can be written with a transparent background."""
    return f"{alpha_choices()}, {', '.join(ALPHA_SUFFIXES)}, or a sequence of PNG files (frame_%05d.png or a folder)"
