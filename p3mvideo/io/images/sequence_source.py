"""Numbered images as a stream."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from p3mvideo.errors import DamagedInputError, SourceError
from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.av_errors import reading
from p3mvideo.io.damage import DamagedRange, DamageLog
from p3mvideo.io.images.file import decode_image
from p3mvideo.io.images.sequence_pattern import find_numbered

logger = logging.getLogger(__name__)


class SequenceSource:
    """The images that fit a pattern such as `frame_%05d.png`, at a steady rate.

    An image is shown at its number's time, counted from the first; where numbers are missing its predecessor stays.

    Args:
        pattern: Path whose name has one place for a number.
        rate: Frames per second.
        start: First time to deliver, in seconds from the first image. Frames keep the times of the whole sequence.
        end: First time not to deliver.
        strict: Whether an unreadable image raises `DamagedInputError`. Otherwise it is left out and `damaged` tells of it.
    """

    def __init__(
        self,
        pattern: Path | str,
        *,
        rate: Fraction = Fraction(25),
        start: Fraction | None = None,
        end: Fraction | None = None,
        strict: bool = False,
    ) -> None:
        if rate <= 0:
            raise ValueError(f"the rate of a sequence is positive, got {rate}")
        self._pattern, self._rate, self._strict = Path(pattern), Fraction(rate), strict
        self._start, self._end = start or Fraction(0), end
        self._images: list[tuple[int, Path, int]] = []
        self._info: StreamInfo | None = None
        self._damage = DamageLog()

    @property
    def info(self) -> StreamInfo:
        """Size of the first image, rate and number of images; valid inside the context."""
        if self._info is None:
            raise ValueError("a sequence's info is valid inside its context only")
        return self._info

    @property
    def damaged(self) -> tuple[DamagedRange, ...]:
        """Which images could not be read so far."""
        return self._damage.ranges

    def __enter__(self) -> Self:
        """List the images and read the first one, which tells the size.

        Raises:
            SourceError: If there is none, or none that can be read.
        """
        self._images = list(self._list())
        for _, path, _ in self._images:
            try:
                height, width = self._read(path).shape[:2]
            except SourceError:
                continue
            self._info = StreamInfo(width, height, self._rate, frames=len(self._images))
            return self
        if self._images:
            raise SourceError(f"no image of {self._pattern} can be read", hint="the images are damaged")
        raise SourceError(f"there is no image {self._pattern}", hint="check the path and the number of digits")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._images = []

    def __iter__(self) -> Iterator[Frame]:
        """Yield the images in order of their numbers.

        Raises:
            SourceError: If one has another size than the first.
            DamagedInputError: If one cannot be read, if strict.
        """
        shown_until = self._start
        for pts, path, duration in self._images:
            if not self._images:  # the context was left
                return
            try:
                pixels = self._read(path)
            except SourceError as error:
                if self._strict:
                    raise DamagedInputError(error.message, hint="leave out --strict to go on without it") from error
                self._damage.error(pts / self._rate, error.message)
                continue
            height, width = pixels.shape[:2]
            if (width, height) != (self.info.width, self.info.height):
                raise SourceError(
                    f"{path} is {width}x{height}, the images before it {self.info.width}x{self.info.height}",
                    hint="all images of a sequence need one size",
                )
            start, shown_until = pts / self._rate, (pts + duration) / self._rate
            self._damage.frame(start, shown_until)
            yield Frame.from_interleaved(pixels, pts, 1 / self._rate, duration)
        if self._images:
            pts, _, duration = self._images[-1]
            self._damage.finish((pts + duration) / self._rate)

    def _list(self) -> Iterator[tuple[int, Path, int]]:
        """Yield time, path and duration of each image, in units of one image."""
        found = find_numbered(self._pattern)
        first = min(found, default=0)
        missing = sum(later - number - 1 for number, later in itertools.pairwise(found))
        if missing:
            logger.warning("%d images of %s are missing; the ones before them are shown longer", missing, self._pattern)
        for number, later in itertools.zip_longest(found, list(found)[1:]):
            seconds = (number - first) / self._rate
            if seconds >= self._start and (self._end is None or seconds < self._end):
                yield number - first, found[number], (later - number if later is not None else 1)

    def _read(self, path: Path) -> UInt8Array:
        with reading(path):
            return decode_image(path.read_bytes(), path)
