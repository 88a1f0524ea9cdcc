"""Turns the arguments of a command into inputs, and inputs into sources."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

from p3mvideo.errors import ConfigError, SourceError
from p3mvideo.io.av_errors import reading
from p3mvideo.io.images.animation import AnimatedImageSource
from p3mvideo.io.images.recognition import IMAGE_SUFFIXES, START_BYTES, image_format, is_animated
from p3mvideo.io.images.sequence_pattern import find_numbered, is_pattern
from p3mvideo.io.images.sequence_source import SequenceSource
from p3mvideo.io.images.source import ImageSource
from p3mvideo.io.pipes.source import PipeSource
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.options import ReadOptions
from p3mvideo.options.parsing.times import exact_rate
from p3mvideo.stages import FrameSource

InputKind = Literal["video", "image", "animation", "sequence", "pipe"]

VIDEO_SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".3gp", ".wmv", ".flv", ".ogv",
     ".y4m", ".mxf", ".gif"}
)  # fmt: skip
"""Which files of a folder are taken for media. A file that is named by itself may have any name."""


@dataclass(frozen=True)
class Input:
    """One thing to process."""

    path: Path
    """The file, the pattern of a sequence, or `-`."""
    kind: InputKind
    relative: Path
    """Where its output belongs, relative to the output folder: the tree of an input folder is kept."""

    @property
    def has_length(self) -> bool:
        """Whether it lasts for some time known beforehand, so that a part of it can be taken."""
        return self.kind in ("video", "animation", "sequence")


def expand_inputs(arguments: Sequence[str], *, unreadable: list[tuple[Path, SourceError]] | None = None) -> list[Input]:
    """Return what files, folders, globs, patterns of sequences and `-` stand for, in the order given, each thing once.

    Only headers of files are looked at; a damaged file is an error when it is opened.

    Args:
        arguments: What stands for inputs.
        unreadable: Takes files and folders inside of folders and globs that may not be read, and why. Without it, the first one is raised.

    Raises:
        SourceError: If an argument stands for nothing: a missing file, a folder without media, a glob that matches no file.
    """
    if not arguments:
        raise SourceError("there is no input", hint="name a file, a folder, a sequence like frame_%05d.png, or -")
    failures: list[tuple[Path, SourceError]] = []
    inputs: dict[Path, Input] = {}
    for argument in arguments:
        with reading(argument):
            found = list(_expand(argument, failures))
        for item in found:
            inputs.setdefault(item.path if item.kind == "pipe" else item.path.absolute(), item)
    if failures and unreadable is None:
        raise failures[0][1]
    if unreadable is not None:
        unreadable += failures
    return list(inputs.values())


def open_source(item: Input, options: ReadOptions = ReadOptions(), *, threads: int = 0, size: tuple[int, int] | None = None) -> FrameSource:
    """Return the source of an input, not entered yet.

    Args:
        item: The input.
        options: How it is read.
        threads: Threads to decode with, 0 for as many as there are cores.
        size: See `VideoSource`; of a video only.

    Raises:
        ConfigError: If something is asked for that this kind of input does not have.
    """
    if options.trims and not item.has_length:
        raise ConfigError(f"start and end do not apply to {item.path}", hint="use --start and --end with videos and sequences")
    start, end, rate, strict = options.start_seconds, options.end_seconds, exact_rate(options.rate), options.strict
    if item.kind == "pipe":
        return PipeSource(size=options.size, rate=rate, pixel_format=options.pixel_format, strict=strict)
    if item.kind == "image":
        return ImageSource(item.path)
    if item.kind == "animation":
        return AnimatedImageSource(item.path, start=start, end=end, strict=strict)
    if item.kind == "sequence":
        return SequenceSource(item.path, rate=rate or Fraction(25), start=start, end=end, strict=strict)
    return VideoSource(item.path, start=start, end=end, threads=threads, strict=strict, hdr=options.hdr, size=size)


def _expand(argument: str, failures: list[tuple[Path, SourceError]]) -> Iterator[Input]:
    path = Path(argument)
    if argument == "-":
        yield Input(path, "pipe", Path("stdin"))
    elif path.is_dir():
        yield from _files(_media_in(path, failures), path, failures)
    elif path.exists():
        yield _file(path, Path(path.name))
    elif is_pattern(path):
        if not find_numbered(path):
            raise SourceError(f"there is no image {path}", hint="check the path and the number of digits")
        yield Input(path, "sequence", Path(path.name))
    elif glob.has_magic(argument):
        found = [Path(name) for name in sorted(glob.glob(argument, recursive=True)) if os.path.isfile(name)]
        if not found:
            raise SourceError(f"no file matches {argument}", hint="check the path")
        yield from _files(found, Path(*_leading_plain_parts(path)), failures)
    else:
        raise SourceError(f"there is no {path}", hint="check the path")


def _media_in(folder: Path, failures: list[tuple[Path, SourceError]]) -> list[Path]:
    """Return the media files of a folder and those below it, sorted, and note the folders that cannot be listed."""
    unlisted: list[OSError] = []
    found: list[Path] = []
    for root, folders, names in os.walk(folder, onerror=unlisted.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files = [Path(root, name) for name in names if not name.startswith(".")]
        found += [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES and not _is_special(path)]
    for error in unlisted:
        path = Path(error.filename)
        failures.append((path, SourceError(f"cannot list the folder {path}: {error.strerror}", hint="check its permissions")))
    if not found and not unlisted:
        raise SourceError(f"the folder {folder} has no videos and no images in it", hint="check the path")
    return sorted(found)


def _is_special(path: Path) -> bool:
    """Return whether a name is that of a named pipe, a device or a link to nothing. What may not be looked at is an error, later."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _files(paths: Sequence[Path], base: Path, failures: list[tuple[Path, SourceError]]) -> Iterator[Input]:
    for path in paths:
        try:
            yield _file(path, path.relative_to(base))
        except SourceError as error:
            failures.append((path, error))


def _leading_plain_parts(pattern: Path) -> Iterator[str]:
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


def _file(path: Path, relative: Path) -> Input:
    with reading(path):
        if not path.is_file():
            raise SourceError(f"{path} is neither a file nor a folder", hint="to read from a pipe use -")
        with path.open("rb") as file:
            form = image_format(file.read(START_BYTES))
            file.seek(0)
            animated = form is not None and is_animated(file, form)
    if animated:
        return Input(path, "animation", relative)
    # Broken, or another format under the name of an image: let the error speak of images.
    is_image = form is not None or path.suffix.lower() in IMAGE_SUFFIXES
    return Input(path, "image" if is_image else "video", relative)
