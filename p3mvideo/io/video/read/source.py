"""Frames of a video file."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path

from av.container import InputContainer

from p3mvideo.frame import Frame
from p3mvideo.io.av_errors import reading
from p3mvideo.io.video.read.decoded_source import DecodedSource
from p3mvideo.io.video.read.file import open_video_file
from p3mvideo.io.video.read.truncation import is_cut_short
from p3mvideo.io.video.read.unshowable import refuse_unshowable
from p3mvideo.options.media import Hdr

FIND_SECONDS = Fraction(2, 1000)
"""How far a container may move the time of a frame: Matroska rounds it to milliseconds."""


class VideoSource(DecodedSource):
    """The frames of a video file, in RGB, turned the way they are to be seen, each with the stream's own time.

    Args:
        path: The file.
        start: First time to deliver, in seconds from the file's beginning. Frames keep the times of the whole file.
        end: First time not to deliver.
        threads: Threads to decode with, 0 for as many as there are cores.
        strict: Whether a damaged place raises `DamagedInputError`. Otherwise decoding goes on behind it and `damaged`
            tells of it.
        hdr: Whether HDR video (PQ, HLG) is refused or mapped to BT.709.
        size: Width and height of all frames as shown; None takes those of the first one delivered, to which a stream that changes its size midway is
            brought.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        threads: int = 0,
        strict: bool = False,
        hdr: Hdr = "refuse",
        size: tuple[int, int] | None = None,
    ) -> None:
        path = Path(path)
        super().__init__(
            partial(_open_showable, path),
            str(path),
            start=start,
            end=end,
            threads=threads,
            strict=strict,
            hdr=hdr,
            size=size,
            is_cut_short=partial(is_cut_short, path),
        )


def frame_at(path: Path, seconds: Fraction, threads: int, *, hdr: Hdr = "refuse") -> Frame | None:
    """Return the frame of a video that is shown at a time; None behind its end.

    Args:
        path: The video.
        seconds: The time.
        threads: CPU threads of the decoder; 0 lets it choose.
        hdr: Whether HDR video (PQ, HLG) is refused or mapped to BT.709.
    """
    with VideoSource(path, start=max(Fraction(0), seconds - FIND_SECONDS), threads=threads, hdr=hdr) as source:
        return next(iter(source), None)


def _open_showable(path: Path) -> InputContainer:
    """Open a video file, unless its images cannot be shown although FFmpeg would decode something."""
    container = open_video_file(path)
    try:
        with reading(path):
            refuse_unshowable(path)
    except BaseException:
        container.close()
        raise
    return container
