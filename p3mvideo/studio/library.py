"""The files that a page knows: dropped on it, named by path, or made by its jobs. The page names them by ids, never by paths."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from p3mvideo.errors import ConfigError, SinkError, SourceError
from p3mvideo.files.file_lock import Lock, lock

Origin = Literal["upload", "path", "result"]

RESERVE_BYTES: Final = 500_000_000
"""What an upload leaves free on the disk."""
NAME_BYTES: Final = 120
FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%]')
"""Characters that some file system does not allow, or that this program reads as the pattern of a sequence."""


@dataclass(frozen=True)
class StudioFile:
    """One file of the page."""

    id: str
    name: str
    path: Path
    origin: Origin

    def to_json(self) -> dict[str, Any]:
        """Return what the page may know: no path."""
        size = self.path.stat().st_size if self.path.exists() else 0
        return {"id": self.id, "name": self.name, "bytes": size, "origin": self.origin}


class Library:
    """Keeps the files of one studio in a work folder of its own, which is removed at its end; what a killed studio left is removed by the next.

    Args:
        folder: Where the work folders of all studios lie.
        roots: Folders in which files may be named by path.
        largest_bytes: Of one upload.

    Raises:
        SinkError: The work folder cannot be made.
    """

    def __init__(self, folder: Path, roots: Sequence[Path], *, largest_bytes: int) -> None:
        self._roots = [root.resolve() for root in roots]
        self._largest_bytes = largest_bytes
        self._files: dict[str, StudioFile] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            self.work_folder = folder / secrets.token_hex(8)
            self.work_folder.mkdir(mode=0o700)
            self._lock: Lock | None = lock(self.work_folder)
        except OSError as error:
            raise SinkError(f"cannot make a work folder in {folder}: {error.strerror}", hint="P3MVIDEO_CACHE names another place") from error

    def close(self) -> None:
        """Remove the work folder. May be called any number of times."""
        if self._lock is not None:
            shutil.rmtree(self.work_folder, ignore_errors=True)
            self._lock.release()
            self._lock = None

    def files(self) -> list[StudioFile]:
        """Return all files, in the order in which they came."""
        return list(self._files.values())

    def file(self, file_id: str) -> StudioFile:
        """Return a file by its id; KeyError if there is none."""
        return self._files[file_id]

    async def receive(self, name: str, chunks: AsyncIterator[bytes], *, announced_bytes: int | None) -> StudioFile:
        """Write an upload to the disk as it comes. What is cut off leaves nothing.

        Args:
            name: As the page calls it.
            chunks: Its content.
            announced_bytes: How long it says it is; None if it does not.

        Raises:
            SinkError: It is too large, or the disk is full.
        """
        self._check_room(name, announced_bytes or 0)
        file_id, safe = secrets.token_urlsafe(9), safe_name(name)
        folder = self.work_folder / "uploads" / file_id
        received, done = 0, False
        try:
            folder.mkdir(parents=True)
            with (folder / safe).open("wb") as file:
                async for chunk in chunks:
                    received += len(chunk)
                    if received > self._largest_bytes:
                        self._check_room(name, received)
                    file.write(chunk)
            if announced_bytes is not None and received != announced_bytes:
                raise SinkError(f"{safe} was cut off: {received} of {announced_bytes} bytes came", hint="drop it again")
            done = True
        except OSError as error:
            raise SinkError(f"cannot keep {safe}: {error.strerror}", hint="free some space, or name the file by its path") from error
        finally:
            if not done:
                shutil.rmtree(folder, ignore_errors=True)
        return self._add(StudioFile(file_id, safe, folder / safe, "upload"))

    def add_path(self, text: str) -> StudioFile:
        """Take in a file of this machine where it lies.

        Raises:
            ConfigError: It is in none of the folders that are allowed.
            SourceError: There is no such file.
        """
        path = self._allowed(text)
        if not os.path.isfile(path):
            raise SourceError(f"there is no file {text}", hint="check the path")
        known = next((file for file in self._files.values() if file.path == path), None)
        return known or self._add(StudioFile(secrets.token_urlsafe(9), path.name, path, "path"))

    def output_folder(self, text: str) -> Path:
        """Return a folder that the user chose for results.

        Raises:
            ConfigError: It is in none of the folders that are allowed, or is no folder.
        """
        path = self._allowed(text)
        if not os.path.isdir(path):
            raise ConfigError(f"{text} is not a folder", hint="create it first")
        return path

    def add_result(self, path: Path) -> StudioFile:
        """Take in what a job has written."""
        return self._add(StudioFile(secrets.token_urlsafe(9), path.name, path, "result"))

    def remove(self, file_id: str) -> None:
        """Forget a file; an upload is deleted. KeyError if there is none."""
        file = self._files.pop(file_id)
        if file.origin == "upload":
            shutil.rmtree(file.path.parent, ignore_errors=True)

    def _add(self, file: StudioFile) -> StudioFile:
        self._files[file.id] = file
        return file

    def _allowed(self, text: str) -> Path:
        try:
            path = Path(text).expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise ConfigError(f"{text!r} is not a path", hint="check it") from error
        if not text.strip() or not any(path == root or root in path.parents for root in self._roots):
            raise ConfigError(f"{text} is in no folder that the studio may use", hint="start it with --allow FOLDER, or drop the file on the page")
        return path

    def _check_room(self, name: str, size: int) -> None:
        if size > self._largest_bytes:
            raise SinkError(f"{safe_name(name)} is larger than {self._largest_bytes / 1e9:g} GB", hint="name it by its path instead")
        if size > shutil.disk_usage(self.work_folder).free - RESERVE_BYTES:
            raise SinkError(f"there is no room for {safe_name(name)} on the disk", hint="free some space, or name the file by its path")


def safe_name(name: str) -> str:
    """Return a name that any file system takes, with its suffix."""
    plain = FORBIDDEN.sub("_", name).strip(". ") or "file"
    stem, suffix = os.path.splitext(plain)
    while len((stem + suffix).encode(errors="replace")) > NAME_BYTES and stem:
        stem = stem[:-1]
    return (stem + suffix).encode(errors="replace").decode() or "file"


def _sweep(folder: Path) -> None:
    """Remove the work folders of studios that have ended; those of others that run are locked."""
    for left in folder.iterdir():
        with contextlib.suppress(OSError):
            held = lock(left) if left.is_dir() and not left.is_symlink() else None
            if held is not None:
                if held.is_real:
                    shutil.rmtree(left, ignore_errors=True)
                held.release()
