"""Frames of a video file."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path

from p3mvideo.io.video.read.decoded_source import DecodedSource
from p3mvideo.io.video.read.file import open_video_file
from p3mvideo.io.video.read.rgb import Hdr
from p3mvideo.io.video.read.truncation import is_cut_short


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
    ) -> None:
        path = Path(path)
        super().__init__(
            partial(open_video_file, path),
            str(path),
            start=start,
            end=end,
            threads=threads,
            strict=strict,
            hdr=hdr,
            is_cut_short=partial(is_cut_short, path),
        )
