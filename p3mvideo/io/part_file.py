"""A file or folder that appears under its final name only when it is complete."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

from p3mvideo.errors import SinkError
from p3mvideo.io.av_errors import writing

SPARE_BYTES: Final = 1 << 20
"""Free space to leave beside what is written."""


class PartFile:
    """Writes `NAME.part` beside the final name and renames it when it is complete.

    Args:
        final: The final name.
        overwrite: Whether something that has this name may be replaced.
        expected_bytes: A low estimate of the size, to find a full disk before the work is done.
        folder: Whether a folder is written instead of a file.

    Raises:
        SinkError: If the name is taken, or its folder is missing, read-only or too full.
    """

    def __init__(self, final: Path, *, overwrite: bool, expected_bytes: int = 0, folder: bool = False) -> None:
        self.final = final
        self.path = final.with_name(final.name + ".part")
        """Where to write."""
        self._overwrite, self._folder = overwrite, folder
        self._open = False
        with writing(final):
            self._check(expected_bytes)
            # Found out now instead of after the first frame: whether writing is possible at all.
            if folder:
                _remove_pictures(self.path)
                self.path.mkdir()
            else:
                self.path.write_bytes(b"")
        self._open = True

    def publish(self) -> None:
        """Bring everything to the disk and give it its final name.

        Raises:
            SinkError: If that fails, or something has taken the final name in the meantime.
        """
        with writing(self.final):
            for file in (*sorted(self.path.iterdir()), self.path) if self._folder else (self.path,):
                _sync(file)
            if self._overwrite:
                if self._folder:
                    _remove_pictures(self.final)
                os.replace(self.path, self.final)
            else:
                self._claim()
            self._open = False
            _sync(self.final.parent)

    def discard(self) -> None:
        """Remove what was written, unless it was published. May be called any number of times."""
        if self._open:
            with contextlib.suppress(OSError):
                _remove_pictures(self.path) if self._folder else self.path.unlink(missing_ok=True)
                self._open = False

    def _check(self, expected_bytes: int) -> None:
        parent = self.final.parent
        if not parent.exists():
            raise SinkError(f"cannot write {self.final}: the folder {parent} does not exist", hint="create it first")
        if not parent.is_dir():
            raise SinkError(f"cannot write {self.final}: {parent} is not a folder", hint="choose another output folder")
        if self.final.is_dir() and not self._folder:
            raise SinkError(f"cannot write {self.final}: it is a folder", hint="name a file in it")
        if self.final.exists() and not self._overwrite:
            raise self._taken()
        if not os.access(parent, os.W_OK | os.X_OK):
            raise SinkError(f"cannot write {self.final}: the folder {parent} is read-only", hint="choose another output folder")
        free = shutil.disk_usage(parent).free
        if free < expected_bytes + SPARE_BYTES:
            raise SinkError(
                f"cannot write {self.final}: about {_megabytes(expected_bytes)} are needed, {_megabytes(free)} are free",
                hint="free some space or choose another output folder",
            )

    def _claim(self) -> None:
        if self._folder:
            if self.final.exists():
                raise self._taken()
            os.rename(self.path, self.final)
            return
        try:
            os.link(self.path, self.final)  # unlike a rename this fails if the name was taken in the meantime
        except FileExistsError as error:
            raise self._taken() from error
        except OSError:  # a file system without hard links
            if self.final.exists():
                raise self._taken() from None
            os.rename(self.path, self.final)
        else:
            self.path.unlink()

    def _taken(self) -> SinkError:
        return SinkError(f"{self.final} exists already", hint="use --overwrite to replace it, or choose another name")


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_pictures(folder: Path) -> None:
    """Remove a folder of numbered pictures. Any other folder is somebody's own and is left alone, whatever was asked."""
    if not folder.exists():
        return
    strangers = [item for item in folder.iterdir() if item.suffix != ".png" or item.is_dir()] if folder.is_dir() else [folder]
    if strangers:
        raise SinkError(
            f"{folder} is not replaced: it holds {strangers[0].name}, which is no picture of a sequence",
            hint="choose another name",
        )
    for picture in folder.iterdir():
        picture.unlink()
    folder.rmdir()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
