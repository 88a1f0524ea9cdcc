"""Where the results of each input go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.io.images.file import WRITABLE
from p3mvideo.io.images.sequence_pattern import is_pattern
from p3mvideo.io.inputs import Input
from p3mvideo.io.video.write.codecs import CONTAINERS

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

    composite: Path | None = None
    alpha: Path | None = None
    foreground: Path | None = None
    folders: tuple[Path, ...] = ()
    """Folders to make for them, the outermost first."""

    def paths(self) -> list[Path]:
        """Return all results that are wanted."""
        return [path for path in (self.composite, self.alpha, self.foreground) if path is not None]

    def make_folders(self) -> None:
        """Make the folders that are not there yet.

        Raises:
            SinkError: One cannot be made.
        """
        for folder in self.folders:
            try:
                folder.mkdir(exist_ok=True)
            except FileNotFoundError as error:
                raise SinkError(f"cannot make the output folder {folder}: there is no {folder.parent}", hint="create it first") from error
            except OSError as error:
                raise SinkError(f"cannot make the output folder {folder}: {error.strerror}", hint="choose another output folder") from error


def plan_outputs(items: Sequence[Input], wanted: Wanted, *, tree: bool = False, reserved: Collection[Path] = ()) -> list[OutputPlan]:
    """Return where the results of each input go.

    Args:
        items: The inputs.
        wanted: What is asked for.
        tree: Whether inputs come from a folder, so that outputs are folders too even for a single one.
        reserved: Files beside the inputs that must not be replaced.

    Raises:
        ConfigError: Several inputs for one file, two results in one place, or a result in place of an input.
    """
    several = len(items) > 1 or any(len(item.relative.parts) > 1 for item in items)
    plans = [_plan(item, wanted, several=several, tree=tree) for item in items]
    taken: set[Path] = set()
    inputs = {path.resolve() for path in [*(item.path for item in items if item.kind != "pipe"), *reserved]}
    folders = {path.parent for path in inputs}
    for plan in plans:
        for path in plan.paths():
            place = path if path == STDOUT else path.resolve()
            if place in inputs:
                raise ConfigError(f"{path} is both input and output", hint="choose another output name")
            if _is_sequence(path) and (place.parent if is_pattern(path) else place) in folders:
                raise ConfigError(f"{path} would replace a folder that holds an input", hint="choose another output folder")
            if place in taken:
                raise ConfigError(f"{path} would hold two results", hint="give a folder for several inputs, and each output its own name")
            taken.add(place)
    return plans


def _plan(item: Input, wanted: Wanted, *, several: bool, tree: bool) -> OutputPlan:
    folders: list[Path] = []

    def place(target: Path | None, option: str, suffix: str) -> Path | None:
        if target is None:
            return None
        if target == STDOUT:
            if several:
                raise ConfigError(f"{option} -: standard output takes one result, there are several inputs", hint="give a folder")
            return target
        is_file = target.suffix.lower() in {*CONTAINERS, *WRITABLE} and not target.is_dir()
        if several and is_file:
            raise ConfigError(f"{option} {target} is one file, there are several inputs", hint="give a folder")
        if is_file or not (several or tree or target.is_dir()) or (item.kind == "sequence" and not several):
            return target
        path = target / item.relative.with_name(_stem(item) + suffix)
        between = path.parent.relative_to(target).parts
        folders.extend(target.joinpath(*between[:depth]) for depth in range(len(between) + 1))
        return path

    only_parts = wanted.output is None and (wanted.alpha is not None or wanted.foreground is not None)
    composite = _suffix(item, transparent=wanted.transparent)
    part = _suffix(item, transparent=False)
    return OutputPlan(
        None if only_parts else place(wanted.output, "-o", composite) or _beside(item, wanted.mark, composite),
        place(wanted.alpha, "--alpha", part),
        place(wanted.foreground, "--foreground", part),
        tuple(dict.fromkeys(folders)),
    )


def _is_sequence(path: Path) -> bool:
    return path != STDOUT and (is_pattern(path) or not path.suffix)


def _beside(item: Input, mark: str, suffix: str) -> Path:
    return STDOUT if item.kind == "pipe" else item.path.with_name(_stem(item) + mark + suffix)


def _stem(item: Input) -> str:
    """Return the name that an input gives its results: of a sequence, what stands before the number."""
    if item.kind == "sequence":
        return item.path.stem.split("%")[0].rstrip("_-.") or "sequence"
    return item.relative.stem


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
