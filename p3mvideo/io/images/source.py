"""A still image as a stream of one frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.av_errors import reading
from p3mvideo.io.damage import DamagedRange
from p3mvideo.io.images.file import decode_image


class ImageSource:
    """One image: JPEG, PNG, WebP, BMP or TIFF; see `decode_image` for what becomes of it.

    Args:
        path: The file; only a name for messages if `data` is given.
        data: The file's content, where it is not in a file.
    """

    damaged: tuple[DamagedRange, ...] = ()
    """Always empty: a damaged image is an error."""

    def __init__(self, path: Path | str, *, data: bytes | None = None) -> None:
        self._path, self._data = Path(path), data
        self._pixels: UInt8Array | None = None

    @property
    def info(self) -> StreamInfo:
        """The image's size; valid inside the context."""
        if self._pixels is None:
            raise ValueError("an image source's info is valid inside its context only")
        return StreamInfo(self._pixels.shape[1], self._pixels.shape[0], frames=1)

    def __enter__(self) -> Self:
        """Read the image.

        Raises:
            SourceError: If it cannot be read.
        """
        if self._data is None:
            with reading(self._path):
                self._data = self._path.read_bytes()
        self._pixels = decode_image(self._data, self._path)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pixels = self._data = None

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frame, at time zero."""
        if self._pixels is not None:
            yield Frame.from_interleaved(self._pixels)
