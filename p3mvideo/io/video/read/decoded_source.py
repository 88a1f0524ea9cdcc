"""Frames of whatever FFmpeg can decode."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from types import TracebackType
from typing import Self

import av
from av.container import InputContainer

from p3mvideo.errors import SourceError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.damage import DamagedRange
from p3mvideo.io.orientation import UPRIGHT, orientation_of
from p3mvideo.io.video.read.decoder import VideoDecoder
from p3mvideo.io.video.read.deinterlace import deinterlaced
from p3mvideo.io.video.read.rgb import RgbConverter
from p3mvideo.io.video.read.timing.timeline import Moment
from p3mvideo.options.media import Hdr

CLOSE_SECONDS = 1.0
"""How long leaving the context waits for a frame that another thread is decoding."""


class DecodedSource:
    """The frames of a video container, in RGB, progressive, turned the way they are to be seen, each with the stream's own time.

    Args:
        open_container: Opens the container; called when the context is entered.
        name: What to call it in messages.
        start: First time to deliver, in seconds from the beginning. Frames keep the times of the whole video.
        end: First time not to deliver.
        threads: Threads to decode with, 0 for as many as there are cores.
        strict: Whether a damaged place raises `DamagedInputError`. Otherwise decoding goes on behind it and `damaged`
            tells of it.
        hdr: Whether HDR video (PQ, HLG) is refused or mapped to BT.709.
        size: Width and height of all frames as shown, where a stream that changes its size midway is entered; None takes the first one's.
        is_cut_short: Tells, given the position behind the last packet, whether there should have been more.
    """

    def __init__(
        self,
        open_container: Callable[[], InputContainer],
        name: str,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        threads: int = 0,
        strict: bool = False,
        hdr: Hdr = "refuse",
        size: tuple[int, int] | None = None,
        is_cut_short: Callable[[int], bool],
    ) -> None:
        if start is not None and start < 0:
            raise ValueError(f"start is at least 0 seconds, got {start}")
        if end is not None and end <= (start or 0):
            raise ValueError(f"end lies after start, got {start} and {end}")
        self._open_container, self._name = open_container, name
        self._is_cut_short = is_cut_short
        self._start, self._end, self._threads, self._strict = start, end, threads, strict
        self._converter = RgbConverter(hdr=hdr)
        self._size = size
        self._decoder: VideoDecoder | None = None
        self._decoded: Iterator[tuple[av.VideoFrame, Moment]] = iter(())
        self._first: tuple[av.VideoFrame, Moment] | None = None
        self._orientation = UPRIGHT
        self._info: StreamInfo | None = None
        # A thread may leave the context while another iterates; FFmpeg must not be closed under a running call.
        self._lock = threading.Lock()
        self._closed = False

    @property
    def info(self) -> StreamInfo:
        """Size as shown, rate and number of frames; valid inside the context."""
        if self._info is None:
            raise ValueError("a video source's info is valid inside its context only")
        return self._info

    @property
    def damaged(self) -> tuple[DamagedRange, ...]:
        """What could not be decoded so far; complete after the last frame."""
        return self._decoder.damage.ranges if self._decoder is not None else ()

    def __enter__(self) -> Self:
        """Open the file and decode its first frame, which alone tells size and rotation for sure.

        Raises:
            SourceError: If nothing at all can be decoded.
        """
        self._decoder = VideoDecoder(
            self._open_container(),
            self._name,
            start=self._start,
            end=self._end,
            threads=self._threads,
            strict=self._strict,
            is_cut_short=self._is_cut_short,
        )
        try:
            self._decoded = deinterlaced(self._decoder, self._name)
            self._first = next(self._decoded, None)
            if self._first is None:
                raise self._nothing(self._decoder)
            frame = self._first[0]
            self._orientation = orientation_of(frame)
            width, height = self._size or self._orientation.size(frame.width, frame.height)
            frames, seconds = self._decoder.frames_expected(), self._decoder.seconds_expected()
            self._info = StreamInfo(width, height, self._decoder.rate, frames=frames, seconds=seconds)
        except BaseException:
            self._decoder.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closed = True
        if not self._lock.acquire(timeout=CLOSE_SECONDS):
            return  # the other thread hangs in FFmpeg; should that ever come back, the thread itself releases everything
        try:
            self._release()
        finally:
            self._lock.release()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in presentation order; ends early, without an error, once the context is left.

        Raises:
            SourceError: If a frame cannot be converted.
            DamagedInputError: At the first damaged place, if strict.
        """
        while True:
            with self._lock:
                try:
                    frame = self._next()
                finally:
                    if self._closed:
                        self._release()
            if frame is None or self._closed:
                return
            yield frame

    def _release(self) -> None:
        self._first = None
        self._decoded = iter(())
        if self._decoder is not None:
            self._decoder.close()

    def _next(self) -> Frame | None:
        if self._closed or self._decoder is None:
            return None
        decoded = self._first or next(self._decoded, None)
        self._first = None
        if decoded is None:
            return None
        decoded_image, moment = decoded
        # A stream may change its size midway; what follows is brought to the size it began with.
        width, height = self._orientation.size(self.info.width, self.info.height)
        image = self._orientation.apply(self._converter(decoded_image, width=width, height=height))
        yuv = self._converter.yuv(decoded_image, width=width, height=height) if self._orientation == UPRIGHT else None
        return replace(Frame.from_interleaved(image, moment.pts, self._decoder.time_base, moment.duration), yuv=yuv)

    def _nothing(self, decoder: VideoDecoder) -> SourceError:
        if self._start is not None or self._end is not None:
            return SourceError(
                f"{self._name} has no frame between {float(self._start or 0):g} s and "
                + (f"{float(self._end):g} s" if self._end is not None else "its end"),
                hint="check --start and --end against the length of the video",
            )
        return SourceError(
            f"cannot read {self._name}: no frame of its {decoder.stream.name} stream could be decoded",
            hint="the file is damaged or incomplete; copy it again",
        )
