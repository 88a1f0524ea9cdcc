"""Turns the errors of PyAV and of the operating system into p3mvideo's own, in one place."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av.error
import av.logging

from p3mvideo.errors import SinkError, SourceError

READ_HINTS: tuple[tuple[type[BaseException], str, str], ...] = (
    (FileNotFoundError, "there is no such file", "check the path"),
    (IsADirectoryError, "it is a folder, not a file", "name a file in it, or pass the folder as an input of its own"),
    (PermissionError, "reading it is not permitted", "check its permissions"),
    (av.error.InvalidDataError, "it holds no readable media", "the file may be damaged, incomplete or of another kind"),
    (av.error.DecoderNotFoundError, "its codec is not built into this FFmpeg", "convert it to H.264 first"),
    (av.error.DemuxerNotFoundError, "its container is not built into this FFmpeg", "convert it to mp4 first"),
    (av.error.PatchWelcomeError, "it uses a feature of its codec that FFmpeg does not know", "convert it to H.264 first"),
    (EOFError, "it ends before anything could be read", "the file is empty or cut short"),
)

WRITE_HINTS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("no space is left on the device", "free some space or choose another output folder"),
    errno.EDQUOT: ("the disk quota is used up", "free some space or choose another output folder"),
    errno.EFBIG: ("the file became larger than is allowed here", "choose another output folder or a lower quality"),
    errno.EROFS: ("the file system is read-only", "choose another output folder"),
    errno.EACCES: ("writing is not permitted", "check the permissions of the output folder"),
    errno.EPERM: ("writing is not permitted", "check the permissions of the output folder"),
    errno.ENOENT: ("the output folder does not exist", "create it first"),
    errno.ENOTDIR: ("the output folder is not a folder", "choose another output folder"),
    errno.EISDIR: ("it is a folder", "name a file in it"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.EPIPE: ("the reader of the pipe has gone", "check the program that takes the output"),
}


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Raise whatever FFmpeg or the operating system raises inside as a `SourceError` about `path`, chained."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        for kind, what, hint in READ_HINTS:
            if isinstance(error, kind):
                raise SourceError(f"cannot read {path}: {what}", hint=hint) from error
        raise SourceError(f"cannot read {path}: {_reason(error)}", hint="check that it plays in a video player") from error


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Raise whatever FFmpeg or the operating system raises inside as a `SinkError` about `path`, chained."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        known = WRITE_HINTS.get(error.errno or 0)
        if known is not None:
            raise SinkError(f"cannot write {path}: {known[0]}", hint=known[1]) from error
        if isinstance(error, av.error.EncoderNotFoundError):
            raise SinkError(f"cannot write {path}: its encoder is not built into this FFmpeg", hint="try another codec") from error
        raise SinkError(f"cannot write {path}: {_reason(error)}", hint="try another codec, container or output folder") from error


@contextmanager
def explaining() -> Iterator[None]:
    """Let errors of FFmpeg inside carry its own reason. Only for short calls: FFmpeg's threads must not wait for Python's lock in long ones."""
    level, logger = av.logging.get_level(), logging.getLogger("libav")
    shown = logger.level
    av.logging.set_level(av.logging.ERROR)
    logger.setLevel(logging.CRITICAL + 1)  # the reason belongs into the error, and nowhere else
    try:
        yield
    finally:
        av.logging.set_level(level)
        logger.setLevel(shown)


def _reason(error: av.error.FFmpegError | OSError) -> str:
    """Return why something failed: FFmpeg's own account, if it was asked for one, behind the operating system's."""
    reason = (error.strerror or type(error).__name__).strip().lower()
    log: tuple[int, str, str] | None = getattr(error, "log", None)  # level, part of FFmpeg, message; PyAV declares it otherwise
    return f"{reason} ({log[2].strip()})" if log else reason
