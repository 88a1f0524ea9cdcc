"""An animated image as a stream of frames."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from PIL import Image

from p3mvideo.errors import DamagedInputError, SourceError
from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.av_errors import reading
from p3mvideo.io.damage import DamagedRange, DamageLog
from p3mvideo.io.images.file import READABLE, check_pixels, decoding, to_pixels

TIME_BASE: Final = Fraction(1, 1000)
SHORTEST_MS, DEFAULT_MS = 10, 100
"""A frame that is to be shown for 10 ms or less is shown for 100 ms, as every browser does: most files with such times leave the choice open."""


class AnimatedImageSource:
    """The frames of an animated PNG, WebP or AVIF file, each laid on white and shown as long as the file says.

    Args:
        path: The file; only a name for messages if `data` is given.
        data: The file's content, where it is not in a file.
        start: First time to deliver, in seconds. Frames keep the times of the whole animation.
        end: First time not to deliver.
        strict: Whether damage raises `DamagedInputError`. Otherwise the stream ends there and `damaged` tells of it.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        data: bytes | None = None,
        start: Fraction | None = None,
        end: Fraction | None = None,
        strict: bool = False,
    ) -> None:
        self._path, self._data = Path(path), data
        self._start, self._end, self._strict = start or Fraction(0), end, strict
        self._image: Image.Image | None = None
        self._numbers = range(0)
        self._info: StreamInfo | None = None
        self._damage = DamageLog()

    @property
    def info(self) -> StreamInfo:
        """Size, rate of the first frame and number of frames of the whole animation; valid inside the context."""
        if self._info is None:
            raise ValueError("an animated image's info is valid inside its context only")
        return self._info

    @property
    def damaged(self) -> tuple[DamagedRange, ...]:
        """What could not be decoded so far."""
        return self._damage.ranges

    def __enter__(self) -> Self:
        """Open the file and decode its first frame.

        Raises:
            SourceError: If it cannot be read or is too large.
        """
        if self._data is None:
            with reading(self._path):
                self._data = self._path.read_bytes()
        with decoding(self._path):
            self._image = Image.open(io.BytesIO(self._data), formats=READABLE)
            check_pixels(self._image.size, self._path)
            # An animated PNG may begin with an image for programs that know no animation.
            first = int(bool(self._image.info.get("default_image")))
            self._numbers = range(first, getattr(self._image, "n_frames", 1))
            pixels, duration = self._decode(self._image, first)
        rate = Fraction(1000, duration)
        self._info = StreamInfo(pixels.shape[1], pixels.shape[0], rate, frames=None if self._trims else len(self._numbers))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        image, self._image, self._data = self._image, None, None
        if image is not None:
            image.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order.

        Raises:
            SourceError: If there is none between start and end.
            DamagedInputError: If a frame cannot be decoded, if strict.
        """
        shown_from, delivered = Fraction(0), False
        for number in self._numbers:
            if self._image is None or (self._end is not None and shown_from * TIME_BASE >= self._end):
                break
            try:
                with decoding(self._path):
                    pixels, duration = self._decode(self._image, number)
            except SourceError as error:
                if self._strict:
                    raise DamagedInputError(error.message, hint="leave out --strict to keep what comes before") from error
                self._damage.error(shown_from * TIME_BASE, error.message)
                break
            shown_until = shown_from + duration
            if shown_from * TIME_BASE >= self._start:
                pts = round(shown_from)
                self._damage.frame(shown_from * TIME_BASE, shown_until * TIME_BASE)
                yield Frame.from_interleaved(pixels, pts, TIME_BASE, max(1, round(shown_until) - pts))
                delivered = True
            shown_from = shown_until
        self._damage.finish()
        if not delivered and self._trims:
            raise SourceError(f"{self._path} has no frame in that time", hint="check --start and --end against the length of the animation")

    @property
    def _trims(self) -> bool:
        return self._start > 0 or self._end is not None

    def _decode(self, image: Image.Image, number: int) -> tuple[UInt8Array, Fraction]:
        """Return a frame's pixels and how long it is shown, in milliseconds."""
        image.seek(number)
        pixels = to_pixels(image)
        told = image.info.get("duration") or 0
        duration = Fraction(told).limit_denominator(1000)
        return pixels, duration if duration > SHORTEST_MS else Fraction(DEFAULT_MS)
