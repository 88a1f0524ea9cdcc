"""A file or folder that appears under its final name only when it is complete."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from p3mvideo.errors import SinkError
from p3mvideo.files.file_lock import Lock, lock, locked_folder
from p3mvideo.io.av_errors import writing

SPARE_BYTES: Final = 1 << 20
"""Free space to leave beside what is written."""
STALE_SECONDS: Final = 24 * 3600
"""A part that another machine left, or whose lock cannot be asked for, is removed when it was not written for this long."""
LONGEST_NAME_BYTES: Final = 200
"""A final name is cut to this length in the name of its part: file systems take names of up to 255 bytes."""
MACHINE: Final = hashlib.sha256(platform.node().encode()).hexdigest()[:4]
"""Says in the name of a part which machine writes it: locks are seen on one machine only."""
_TOKEN = re.compile(r"(?<=\.)[0-9a-f]{12}(?=\.part$)")


class PartFile:
    """Writes `NAME.TOKEN.part` beside the final name, and renames it when it is complete.

    The token is random, so neither a file of the user's nor a link is ever opened, and two runs never write into one file. The part is
    locked while it is written: a second run into the same output is refused, and what a killed run left is told from it and removed.

    Args:
        final: The final name.
        overwrite: Whether something that has this name may be replaced.
        expected_bytes: A low estimate of the size, to find a full disk before the work is done.
        folder: Whether a folder is written instead of a file.
        lasting: Whether the part is worth something even if it is never completed: it is called `STEM.unfinished-TOKEN.SUFFIX`, so that
            it opens as what it is, and no later run removes it.

    Raises:
        SinkError: If the name is taken, another run is writing it, or its folder is missing, read-only or too full.
    """

    def __init__(self, final: Path, *, overwrite: bool, expected_bytes: int = 0, folder: bool = False, lasting: bool = False) -> None:
        self.final = final
        self._overwrite, self._folder, self._lasting = overwrite, folder, lasting
        self._open = False
        with writing(final):
            self._check(expected_bytes)
            with locked_folder(final.parent):
                _clear_parts(final)
                self.path = self._new_path()
                """Where to write."""
                # Found out now instead of after the first frame: whether writing is possible at all.
                self._lock = self._create()
        self._open = True

    def publish(self) -> None:
        """Bring everything to the disk and give it its final name.

        Raises:
            SinkError: If that fails, or something has taken the final name in the meantime.
        """
        with writing(self.final):
            if not self._lock.holds(self.path):
                raise SinkError(f"cannot write {self.final}: {self.path.name} was removed or replaced meanwhile", hint="try again")
            for file in (*sorted(self.path.iterdir()), self.path) if self._folder else (self.path,):
                _sync(file)
            if not self._overwrite:
                self._claim()
            elif self._folder:
                self._replace_folder()
            else:
                os.replace(self.path, self.final)
            self._release()
            _sync(self.final.parent)

    def discard(self) -> None:
        """Remove what was written, unless it was published. May be called any number of times."""
        if self._open:
            with contextlib.suppress(OSError, SinkError):
                _remove(self.path)
                self._release()

    def leave(self) -> None:
        """Keep what was written under the name that it has, unless it was published. May be called any number of times."""
        if self._open:
            self._release()

    def _release(self) -> None:
        self._open = False
        self._lock.release()

    def _check(self, expected_bytes: int) -> None:
        parent = self.final.parent
        if not parent.exists():
            raise SinkError(f"cannot write {self.final}: the folder {parent} does not exist", hint="create it first")
        if not parent.is_dir():
            raise SinkError(f"cannot write {self.final}: {parent} is not a folder", hint="choose another output folder")
        if self.final.is_dir() and not self._folder:
            raise SinkError(f"cannot write {self.final}: it is a folder", hint="name a file in it")
        if os.path.lexists(self.final):
            if not self._overwrite:
                raise self._taken()
            if self._folder:
                _check_replaceable(self.final)
        if not os.access(parent, os.W_OK | os.X_OK):
            raise SinkError(f"cannot write {self.final}: the folder {parent} is read-only", hint="choose another output folder")
        free = shutil.disk_usage(parent).free
        if free < expected_bytes + SPARE_BYTES:
            raise SinkError(
                f"cannot write {self.final}: about {_megabytes(expected_bytes + SPARE_BYTES)} are needed, {_megabytes(free)} are free",
                hint="free some space or choose another output folder",
            )

    def _new_path(self) -> Path:
        head, tail = _name_around_token(self.final, lasting=self._lasting)
        return self.final.with_name(f"{head}{MACHINE}{secrets.token_hex(4)}{tail}")

    def _create(self) -> Lock:
        if self._folder:
            self.path.mkdir()
        else:
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
            os.close(os.open(self.path, flags, 0o666))
        taken = lock(self.path)
        assert taken is not None  # no other process knows the name
        return taken

    def _claim(self) -> None:
        if self._folder:
            if os.path.lexists(self.final):
                raise self._taken()
            os.rename(self.path, self.final)
            return
        try:
            os.link(self.path, self.final)  # unlike a rename this fails if the name was taken in the meantime
        except FileExistsError as error:
            raise self._taken() from error
        except OSError:  # a file system without hard links
            if os.path.lexists(self.final):
                raise self._taken() from None
            os.rename(self.path, self.final)
        else:
            self.path.unlink()

    def _replace_folder(self) -> None:
        """Replace a folder of images; the old one is gone only when the new one is in its place."""
        if not os.path.lexists(self.final):
            os.rename(self.path, self.final)
            return
        _check_replaceable(self.final)
        old = self.final.with_name(f"{self.final.name[:100]}.replaced-{secrets.token_hex(4)}")  # no later run removes this
        os.rename(self.final, old)
        try:
            os.rename(self.path, self.final)
        except OSError:
            os.rename(old, self.final)
            raise
        _remove(old)

    def _taken(self) -> SinkError:
        return SinkError(f"{self.final} exists already", hint="use --overwrite to replace it, or choose another name")


def clear_parts(final: Path, *, wait_seconds: float = 0.0, ended: Collection[Path] = ()) -> None:
    """Remove what killed runs left of an output.

    Args:
        final: The output.
        wait_seconds: How long to wait for one that still writes it.
        ended: Parts whose writers are known to have ended, if this machine is theirs: removed even where no lock can be asked for.

    Raises:
        SinkError: Another run is writing it.
        OSError: Its folder is not there.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            with locked_folder(final.parent):
                _clear_parts(final, ended)
            return
        except SinkError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def parts_of(final: Path) -> list[Path]:
    """Return the parts of an output that are there, whoever wrote them, but for those that last."""
    return [part for part, _ in _parts_of(final, lasting=False)]


def outputs_with_parts(finals: Iterable[Path]) -> list[Path]:
    """Return those outputs of which there are parts, whoever wrote them; each folder is looked at once."""
    names: dict[Path, set[str]] = {}
    found = []
    for final in finals:
        if final.parent not in names:
            parts = _names_in(final.parent) if final.parent.is_dir() else []
            names[final.parent] = {_TOKEN.sub("", name) for name in parts if name.endswith(".part")}
        head, tail = _name_around_token(final, lasting=False)
        if head + tail in names[final.parent]:
            found.append(final)
    return found


def _name_around_token(final: Path, *, lasting: bool) -> tuple[str, str]:
    name = final.name
    if len(os.fsencode(name)) > LONGEST_NAME_BYTES:
        suffix = final.suffix[:10]
        start = os.fsencode(name)[: LONGEST_NAME_BYTES - 30].decode(errors="ignore")
        name = f"{start}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}{suffix}"
    stem, suffix = os.path.splitext(name)
    return (f"{stem}.unfinished-", suffix) if lasting else (f"{name}.", ".part")


def _parts_of(final: Path, *, lasting: bool) -> list[tuple[Path, str]]:
    """Return the parts of an output that are there, and the machine that writes each."""
    head, tail = _name_around_token(final, lasting=lasting)
    pattern = re.compile(rf"{re.escape(head)}([0-9a-f]{{4}})[0-9a-f]{{8}}{re.escape(tail)}")
    return [(final.with_name(name), match[1]) for name in _names_in(final.parent) if (match := pattern.fullmatch(name))]


def _clear_parts(final: Path, ended: Collection[Path] = ()) -> None:
    """Remove what killed runs left of an output, in a folder that is locked.

    Raises:
        SinkError: Another run is writing it.
    """
    for lasting in (False, True):
        for part, machine in _parts_of(final, lasting=lasting):
            _clear_part(final, part, is_removable=not lasting, is_of_this_machine=machine == MACHINE, has_ended=part in ended)


def _clear_part(final: Path, part: Path, *, is_removable: bool, is_of_this_machine: bool, has_ended: bool) -> None:
    try:
        taken = lock(part)
        status = part.lstat()
    except OSError:
        return  # a link, gone, or not readable: not ours in any case
    if taken is None:
        raise SinkError(f"{final} is being written by another run", hint="wait for its end, or choose another name")
    is_own = sys.platform == "win32" or status.st_uid == os.geteuid()
    is_dead = (is_of_this_machine and (taken.is_real or has_ended)) or time.time() - status.st_mtime > STALE_SECONDS
    if is_removable and is_own and is_dead:
        with contextlib.suppress(OSError, SinkError):  # it is in no one's way
            _remove(part)
    taken.release()


def _names_in(folder: Path) -> list[str]:
    """Return what lies in a folder; nothing if it may be written, but not read."""
    try:
        return os.listdir(folder)
    except PermissionError:
        return []


def _sync(path: Path) -> None:
    flags = os.O_RDONLY
    if sys.platform == "win32":
        if path.is_dir():
            return  # Windows cannot open folders
        flags = os.O_RDWR | os.O_BINARY  # and flushes only what may be written
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_replaceable(folder: Path) -> None:
    """Raise SinkError unless this is a folder of numbered images. Any other is someone's own and is left alone, whatever was asked."""
    if folder.is_symlink():
        raise SinkError(f"{folder} is not replaced: it is a link", hint="name the folder that it leads to, or choose another name")
    stranger = next(_strangers(folder), None)
    if stranger is not None:
        raise SinkError(
            f"{folder} is not replaced: it holds {stranger.name}, which is not an image of a sequence",
            hint="choose another name",
        )


def _strangers(folder: Path) -> Iterator[Path]:
    """Yield what does not belong into a folder of images; a file is a stranger itself."""
    if not folder.is_dir():
        yield folder
        return
    yield from (item for item in folder.iterdir() if item.suffix.lower() != ".png" or item.is_dir())


def _remove(path: Path) -> None:
    """Remove a part or a folder of images, if it is there."""
    if path.is_dir() and not path.is_symlink():
        _check_replaceable(path)
        for image in path.iterdir():
            image.unlink()
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
