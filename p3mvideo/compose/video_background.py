"""A background that moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from p3mvideo.compose.fit import fit_to
from p3mvideo.errors import SourceError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.options.background import Fit
from p3mvideo.stages import FrameSource


class VideoBackground:
    """A `Background` that is a video. It loops, and keeps its own clock: it plays at its own speed whatever the frames' rate.

    Args:
        open_source: Opens the video from its start; called again for every loop.
        fit: How its images are brought to the frame's size.
        started: The time of the frame that meets the video's first image, in seconds; None: that of the first frame that comes.

    Calling it raises `SourceError` if the video cannot be read, also midway: a background that stops moving unnoticed is not what was
    asked for.
    """

    def __init__(self, open_source: Callable[[], FrameSource], fit: Fit = "cover", *, started: Fraction | None = None) -> None:
        self._open_source = open_source
        self._fit = fit
        self._frames = self._loop()
        self._shown, self._next = self._step(), self._step()
        self._started = started
        self._image: tuple[Frame, UInt8Array] | None = None

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        """See `Background`. Frames come in order."""
        if self._started is None:
            self._started = frame.seconds
        passed = frame.seconds - self._started
        while self._next[0] <= passed:
            self._shown, self._next = self._next, self._step(passed)
        current = self._shown[1]
        if self._image is None or self._image[0] is not current or self._image[1].shape[:2] != (frame.height, frame.width):
            self._image = current, fit_to(current.interleaved(), frame.width, frame.height, self._fit)
        return self._image[1]

    def close(self) -> None:
        """Release the video. May be called any number of times."""
        self._frames.close()

    def _step(self, passed: Fraction = Fraction(0)) -> tuple[Fraction, Frame]:
        return self._frames.advance(passed)

    def _loop(self) -> _Loop:
        return _Loop(self._open_source)


class _Loop:
    """The frames of a video, over and over, with the seconds since the start of the first round."""

    def __init__(self, open_source: Callable[[], FrameSource]) -> None:
        self._open_source = open_source
        self._source: FrameSource | None = None
        self._iterator: Iterator[Frame] = iter(())
        self._round_start = Fraction(0)
        self._first = Fraction(0)
        self._end = Fraction(0)

    def advance(self, passed: Fraction) -> tuple[Fraction, Frame]:
        """Return the next frame, leaving out whole rounds that lie before `passed` seconds."""
        frame = next(self._iterator, None)
        if frame is None:
            self._rewind(passed)
            frame = next(self._iterator, None)
            if frame is None:
                raise SourceError("the background video shows no frames", hint="check the file given with --bg")
            self._first = frame.seconds
        at = self._round_start + frame.seconds - self._first
        shown = frame.duration * frame.time_base if frame.duration else Fraction(1, 30)
        self._end = at + max(shown, Fraction(1, 1000))
        return at, frame

    def _rewind(self, passed: Fraction) -> None:
        self.close()
        length = self._end - self._round_start
        missed = max(0, (passed - self._end) // length) if length else 0
        self._round_start = self._end + missed * length
        self._source = self._open_source().__enter__()
        self._iterator = iter(self._source)

    def close(self) -> None:
        """Release the video."""
        source, self._source = self._source, None
        self._iterator = iter(())
        if source is not None:
            source.__exit__(None, None, None)
