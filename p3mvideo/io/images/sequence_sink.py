"""Writes numbered PNG images."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.av_errors import writing
from p3mvideo.io.images.file import encode_image
from p3mvideo.io.images.sequence_pattern import is_pattern, numbered
from p3mvideo.io.part_file import PartFile

DEFAULT_NAME: Final = "frame_%06d.png"
BYTES_PER_PIXEL: Final = 0.2
"""A low estimate of what a pixel takes as PNG."""


def sequence_place(path: Path) -> tuple[Path, str]:
    """Return the folder of a sequence and the pattern of its names.

    Args:
        path: The folder, or a pattern in it such as `folder/frame_%05d.png`.

    Raises:
        ConfigError: If the pattern is not of PNG files, or stands in no folder of its own: the folder is published as a whole.
    """
    folder, name = (path.parent, path.name) if is_pattern(path) else (path, DEFAULT_NAME)
    if Path(name).suffix.lower() != ".png":
        raise ConfigError(f"{name}: a sequence is written as PNG only", hint=f"name it like {DEFAULT_NAME}")
    if folder.name in ("", ".."):
        raise ConfigError(f"{path}: a sequence is written into a new folder, and this names none", hint=f"write  -o frames/{name}")
    return folder, name


class SequenceSink:
    """Writes each frame as a PNG file, numbered from 1, into a folder that appears when it is complete.

    The times of the frames are not kept: an image has no place for them.

    Args:
        path: The folder, or a pattern in it such as `folder/frame_%05d.png`.
        info: Size and number of the frames.
        alpha: Whether frames have four channels, straight RGBA.
        overwrite: Whether an existing folder that holds nothing but PNG files may be replaced.

    Raises:
        ConfigError: If the pattern is not of PNG files, or stands in no folder of its own.
        SinkError: If the folder exists, or its parent is missing, read-only or too full.
    """

    def __init__(self, path: Path | str, info: StreamInfo, *, alpha: bool = False, overwrite: bool = False) -> None:
        path = Path(path)
        self._folder, name = sequence_place(path)
        expected = int(info.width * info.height * (info.frames or 0) * BYTES_PER_PIXEL)
        self._part = PartFile(self._folder, overwrite=overwrite, expected_bytes=expected, folder=True)
        self._pattern = self._part.path / name
        self._channels = 4 if alpha else 3
        self._taken = 0

    def write(self, frame: Frame) -> None:
        """Take one frame.

        Raises:
            SinkError: If it cannot be written.
        """
        if frame.shape[0] != self._channels:
            raise ValueError(f"expected a frame of {self._channels} channels, got {frame.shape[0]}")
        path = numbered(self._pattern, self._taken + 1)
        data = encode_image(frame.interleaved(), path)
        with writing(path):
            path.write_bytes(data)
        self._taken += 1

    def finish(self) -> None:
        """Publish the folder under its name.

        Raises:
            SinkError: If there was no frame, an image is missing, or the folder cannot be published.
        """
        if not self._taken:
            raise SinkError(f"{self._folder} was not written: there was no frame", hint="check the input")
        with writing(self._folder):
            written = sum(1 for _ in self._part.path.iterdir())
        if written != self._taken:
            raise SinkError(f"{self._folder} was not written: it took {self._taken} frames and holds {written}", hint="try again")
        self._part.publish()

    def close(self) -> None:
        """Without `finish` before it, leave nothing behind. May be called any number of times."""
        self._part.discard()
