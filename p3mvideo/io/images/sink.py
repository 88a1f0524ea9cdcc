"""Writes one image."""

from __future__ import annotations

from pathlib import Path

from p3mvideo.errors import SinkError
from p3mvideo.frame import Frame
from p3mvideo.io.av_errors import writing
from p3mvideo.io.images.file import check_image_suffix, encode_image
from p3mvideo.io.part_file import PartFile


class ImageSink:
    """Writes the one frame of a stream to a PNG, JPEG, WebP, BMP or TIFF file, as sRGB.

    The file appears under its name in `finish`, complete.

    Args:
        path: The file; its suffix says the format.
        alpha: Whether the frame has four channels, straight RGBA.
        overwrite: Whether an existing file may be replaced.

    Raises:
        ConfigError: If there is no such format, or it cannot hold alpha.
        SinkError: If the file exists, or its folder is missing, read-only or too full.
    """

    def __init__(self, path: Path | str, *, alpha: bool = False, overwrite: bool = False) -> None:
        self._path, self._channels = Path(path), 4 if alpha else 3
        check_image_suffix(self._path, alpha=alpha)
        self._part = PartFile(self._path, overwrite=overwrite)
        self._taken = 0

    def write(self, frame: Frame) -> None:
        """Take the frame.

        Raises:
            SinkError: If it cannot be written, or is a second one.
        """
        if frame.shape[0] != self._channels:
            raise ValueError(f"expected a frame of {self._channels} channels, got {frame.shape[0]}")
        if self._taken:
            raise SinkError(f"{self._path} is one image and cannot hold a video", hint="name a video, or a sequence like frame_%05d.png")
        data = encode_image(frame.interleaved(), self._path)
        with writing(self._path):
            self._part.path.write_bytes(data)
        self._taken = 1

    def finish(self) -> None:
        """Publish the image under its name.

        Raises:
            SinkError: If there was no frame or it cannot be published.
        """
        if not self._taken:
            raise SinkError(f"{self._path} was not written: there was no frame", hint="check the input")
        self._part.publish()

    def close(self) -> None:
        """Without `finish` before it, leave nothing behind. May be called any number of times."""
        self._part.discard()
