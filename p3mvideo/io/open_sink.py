"""Chooses the sink that a path asks for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from p3mvideo.errors import ConfigError
from p3mvideo.frame import FrameSink, StreamInfo
from p3mvideo.io.images.file import ALPHA_SUFFIXES, WRITABLE
from p3mvideo.io.images.sequence_pattern import is_pattern
from p3mvideo.io.images.sequence_sink import SequenceSink
from p3mvideo.io.images.sink import ImageSink
from p3mvideo.io.pipes.sink import PipeForm, PipeSink
from p3mvideo.io.video.write.codecs import CONTAINERS, alpha_choices
from p3mvideo.io.video.write.sink import VideoSink


def open_sink(
    path: Path | str,
    info: StreamInfo,
    *,
    source: Path | None = None,
    codec: str | None = None,
    crf: int | None = None,
    bitrate: int | None = None,
    alpha: bool = False,
    overwrite: bool = False,
    start: Fraction | None = None,
    end: Fraction | None = None,
    threads: int = 0,
    pipe_form: PipeForm = "y4m",
    pixel_format: str | None = None,
    sound: bool = True,
    identity: bool = True,
) -> FrameSink:
    """Open a video, picture, sequence or pipe for writing.

    Args:
        path: `-` is standard output; a suffix of a video or picture says which; a name with a place for a number
            (`frame_%05d.png`) or without any suffix is a sequence of PNG files.
        info: Size, rate and number of the frames.
        source: The video file that the frames come from, if it is one; see `VideoSink`.
        codec: For videos: h264, hevc, vp9, ffv1 or prores; None for the container's default.
        crf: For videos: constant quality, on the codec's own scale.
        bitrate: For videos: bits per second, instead of a quality.
        alpha: Whether frames have four channels, straight RGBA.
        overwrite: Whether something that has this name may be replaced.
        start: For videos: where the frames begin in `source`, in seconds.
        end: For videos: where they end in `source`.
        threads: For videos: threads to encode with, 0 for as many as there are cores.
        pipe_form: For `-`: y4m, rawvideo or png.
        pixel_format: For raw video in a pipe: FFmpeg's name of its pixels.
        sound: For videos: whether the sound of `source` is copied.
        identity: For videos: whether metadata of `source` is copied that may tell who made it, with what and where.

    Raises:
        ConfigError: If path, codec, alpha and quality do not go together.
        SinkError: If the output cannot be written, as far as that can be known now.
    """
    if str(path) == "-":
        return PipeSink(info, form=pipe_form, pixel_format=pixel_format, alpha=alpha)
    path = Path(path)
    if is_pattern(path) or not path.suffix:
        return SequenceSink(path, info, alpha=alpha, overwrite=overwrite)
    if path.suffix.lower() in WRITABLE:
        if info.frames is not None and info.frames > 1:
            raise ConfigError(
                f"{path.name} is one picture, the input has {info.frames} frames",
                hint="name a video, or a sequence like frame_%05d.png",
            )
        return ImageSink(path, alpha=alpha, overwrite=overwrite)
    if path.suffix.lower() not in CONTAINERS:
        raise ConfigError(
            f"{path.name}: {path.suffix} is neither a video nor a picture that can be written",
            hint=f"use one of {', '.join((*CONTAINERS, *WRITABLE))}, a name like frame_%05d.png, or a folder",
        )
    return VideoSink(
        path,
        info,
        source=source,
        codec=codec,
        crf=crf,
        bitrate=bitrate,
        alpha=alpha,
        overwrite=overwrite,
        start=start,
        end=end,
        threads=threads,
        sound=sound,
        identity=identity,
    )


def can_hold_alpha(path: Path | str, codec: str | None = None, *, pipe_form: PipeForm = "y4m") -> bool:
    """Return whether an output of this name (and codec, for videos) can have a transparent background."""
    if str(path) == "-":
        return pipe_form != "y4m"
    path = Path(path)
    if is_pattern(path) or not path.suffix:
        return True
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        return path.suffix.lower() in ALPHA_SUFFIXES
    return bool(container.alpha_codecs) if codec is None else codec in container.alpha_codecs


def containers_with_alpha() -> str:
    """Return in words what can be written with a transparent background."""
    return f"{alpha_choices()}, {', '.join(ALPHA_SUFFIXES)}, or a sequence of PNG files (frame_%05d.png or a folder)"
