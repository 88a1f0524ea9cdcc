"""Where the results of each input go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from p3mvideo.errors import ConfigError
from p3mvideo.io.encoders import CONTAINERS
from p3mvideo.io.image_file import WRITABLE
from p3mvideo.io.inputs import Input

STDOUT = Path("-")


@dataclass(frozen=True)
class Wanted:
    """The output options of a run, for all inputs together. Each may be a file for one input, or a folder."""

    output: Path | None = None
    """The composite; None writes it beside the input, unless the matte or the foreground alone is asked for."""
    alpha: Path | None = None
    foreground: Path | None = None
    transparent: bool = False
    """Whether a transparent background was asked for by name: names that are made up here must be able to hold it."""
    mark: str = "_matted"
    """What is added to an input's name where the result lies beside it."""


@dataclass(frozen=True)
class OutputPlan:
    """The results of one input; None is not wanted."""

    composite: Path | None
    alpha: Path | None
    foreground: Path | None

    def paths(self) -> list[Path]:
        """Return all results that are wanted."""
        return [path for path in (self.composite, self.alpha, self.foreground) if path is not None]


def plan_outputs(items: Sequence[Input], wanted: Wanted) -> list[OutputPlan]:
    """Return where the results of each input go.

    Raises:
        ConfigError: Several inputs for one file, two results in one place, or a result in place of an input.
    """
    several = len(items) > 1 or any(len(item.relative.parts) > 1 for item in items)
    only_parts = wanted.output is None and (wanted.alpha is not None or wanted.foreground is not None)
    plans = [
        OutputPlan(
            None if only_parts else _composite(item, wanted, several=several),
            _part(item, wanted.alpha, "--alpha", several=several),
            _part(item, wanted.foreground, "--foreground", several=several),
        )
        for item in items
    ]
    taken: dict[Path, Input] = {}
    inputs = {item.path.resolve() for item in items if item.kind != "pipe"}
    for item, plan in zip(items, plans, strict=True):
        for path in plan.paths():
            if path == STDOUT and path not in taken:
                taken[path] = item
                continue
            place = path if path == STDOUT else path.resolve()
            if place in inputs:
                raise ConfigError(f"{path} is both input and output", hint="choose another output name")
            if place in taken:
                raise ConfigError(f"{path} would hold two results", hint="give a folder for several inputs, and each output its own name")
            taken[place] = item
    return plans


def _composite(item: Input, wanted: Wanted, *, several: bool) -> Path:
    if wanted.output is not None:
        return _placed(item, wanted.output, "-o", _suffix(item, transparent=wanted.transparent), several=several)
    if item.kind == "pipe":
        return STDOUT
    suffix = _suffix(item, transparent=wanted.transparent)
    stem = item.path.stem.split("%")[0].rstrip("_-.") if item.kind == "sequence" else item.path.stem
    return item.path.with_name(f"{stem or 'sequence'}{wanted.mark}{suffix}")


def _part(item: Input, target: Path | None, option: str, *, several: bool) -> Path | None:
    return None if target is None else _placed(item, target, option, _suffix(item, transparent=False), several=several)


def _placed(item: Input, target: Path, option: str, suffix: str, *, several: bool) -> Path:
    """Return `target` if it is one result's own name, else the input's place inside the folder `target`."""
    if target == STDOUT:
        if several:
            raise ConfigError(f"{option} -: standard output takes one result, there are several inputs", hint="give a folder")
        return target
    if several or target.is_dir():
        if several and target.suffix.lower() in {*CONTAINERS, *WRITABLE}:
            raise ConfigError(f"{option} {target} is one file, there are several inputs", hint="give a folder")
        return target / item.relative.with_suffix(suffix)
    return target


def _suffix(item: Input, *, transparent: bool) -> str:
    """Return the suffix that suits an input: its own where it can be written, none for a sequence."""
    own = item.path.suffix.lower()
    if item.kind == "sequence":
        return ""
    if item.kind == "image":
        return ".png" if transparent or own not in WRITABLE else own
    if transparent:
        return own if own in CONTAINERS and CONTAINERS[own].alpha_codecs else ".mov"
    return own if own in CONTAINERS else ".mp4"
