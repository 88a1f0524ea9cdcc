"""Turns the arguments of a command into inputs, and inputs into sources."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

from p3mvideo.errors import ConfigError, SourceError
from p3mvideo.frame import FrameSource
from p3mvideo.io.av_errors import reading
from p3mvideo.io.images.sequence_pattern import find_numbered, is_pattern
from p3mvideo.io.images.sequence_source import SequenceSource
from p3mvideo.io.images.source import ImageSource
from p3mvideo.io.pipes.source import IMAGE_MAGICS, PipeSource
from p3mvideo.io.video.read.rgb import Hdr
from p3mvideo.io.video.read.source import VideoSource

InputKind = Literal["video", "image", "sequence", "pipe"]

IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
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


def expand_inputs(arguments: Sequence[str]) -> list[Input]:
    """Return what files, folders, globs, patterns of sequences and `-` stand for, in the order given, each thing once.

    Only the first bytes of files are looked at; a file that cannot be read is an error when it is opened.

    Raises:
        SourceError: If an argument stands for nothing: a missing file, a folder without media, a glob that fits nothing.
    """
    if not arguments:
        raise SourceError("there is no input", hint="name a file, a folder, a sequence like frame_%05d.png, or -")
    inputs: dict[Path, Input] = {}
    for argument in arguments:
        for item in _expand(argument):
            inputs.setdefault(item.path if item.kind == "pipe" else item.path.absolute(), item)
    return list(inputs.values())


def open_source(
    item: Input,
    *,
    start: Fraction | None = None,
    end: Fraction | None = None,
    threads: int = 0,
    strict: bool = False,
    hdr: Hdr = "refuse",
    size: tuple[int, int] | None = None,
    rate: Fraction | None = None,
    pixel_format: str | None = None,
) -> FrameSource:
    """Return the source of an input, not entered yet.

    Args:
        item: The input.
        start: First time to deliver, in seconds; not for pictures and pipes.
        end: First time not to deliver.
        threads: Threads to decode with, 0 for as many as there are cores.
        strict: Whether damage raises `DamagedInputError`.
        hdr: What to do with HDR video.
        size: (width, height) of raw video in a pipe.
        rate: Frames per second of a sequence, or of raw video in a pipe.
        pixel_format: FFmpeg's name of the pixels of raw video in a pipe.

    Raises:
        ConfigError: If something is asked for that this kind of input does not have.
    """
    trimmed = start is not None or end is not None
    if trimmed and item.kind in ("image", "pipe"):
        raise ConfigError(f"--start and --end do not apply to {item.path}", hint="use them with videos and sequences")
    if item.kind == "pipe":
        return PipeSource(size=size, rate=rate, pixel_format=pixel_format, strict=strict)
    if item.kind == "image":
        return ImageSource(item.path)
    if item.kind == "sequence":
        return SequenceSource(item.path, rate=rate or Fraction(25), start=start, end=end, strict=strict)
    return VideoSource(item.path, start=start, end=end, threads=threads, strict=strict, hdr=hdr)


def _expand(argument: str) -> Iterator[Input]:
    path = Path(argument)
    if argument == "-":
        yield Input(path, "pipe", Path("stdin"))
    elif path.is_dir():
        yield from _expand_folder(path)
    elif path.exists():
        yield _file(path, Path(path.name))
    elif is_pattern(path):
        if not find_numbered(path):
            raise SourceError(f"there is no picture {path}", hint="check the path and the number of digits")
        yield Input(path, "sequence", Path(path.name))
    elif glob.has_magic(argument):
        yield from _expand_glob(argument)
    else:
        raise SourceError(f"there is no {path}", hint="check the path")


def _expand_folder(folder: Path) -> Iterator[Input]:
    found = [path for path in sorted(folder.rglob("*")) if _is_media(path, folder)]
    if not found:
        raise SourceError(f"the folder {folder} has no videos and no pictures in it", hint="check the path")
    for path in found:
        yield _file(path, path.relative_to(folder))


def _expand_glob(pattern: str) -> Iterator[Input]:
    fixed = Path(*_leading_plain_parts(Path(pattern)))
    found = [path for name in sorted(glob.glob(pattern, recursive=True)) if (path := Path(name)).is_file()]
    if not found:
        raise SourceError(f"nothing fits {pattern}", hint="check the path")
    for path in found:
        yield _file(path, path.relative_to(fixed))


def _leading_plain_parts(pattern: Path) -> Iterator[str]:
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


def _is_media(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES


def _file(path: Path, relative: Path) -> Input:
    if not path.is_file():
        raise SourceError(f"{path} is neither a file nor a folder", hint="to read from a pipe use -")
    with reading(path), path.open("rb") as file:
        start = file.read(16)
    # RIFF is the beginning of WebP and of AVI.
    is_image = start.startswith(IMAGE_MAGICS) and (not start.startswith(b"RIFF") or start[8:12] == b"WEBP")
    if not is_image and path.suffix.lower() in IMAGE_SUFFIXES:
        is_image = True  # broken, or another format under the name of a picture: let the error speak of pictures
    return Input(path, "image" if is_image else "video", relative)
