"""Where the results of each input go."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.io.av_errors import writing
from p3mvideo.io.images.file import WRITABLE
from p3mvideo.io.images.sequence_pattern import is_pattern
from p3mvideo.io.images.sequence_sink import sequence_place
from p3mvideo.io.inputs import Input
from p3mvideo.io.open_sink import is_sequence
from p3mvideo.io.video.write.codecs import CONTAINERS

logger = logging.getLogger(__name__)

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
    reviewed: bool = False
    """Whether files lie beside each result that have its name with another suffix."""


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
        """Make the folders that are not there yet, and make sure that files can have the names of the results.

        Raises:
            SinkError: One cannot be made, a name is too long, or is in a folder that may not be searched.
        """
        for folder in self.folders:
            try:
                folder.mkdir(exist_ok=True)
            except FileNotFoundError as error:
                raise SinkError(f"cannot make the output folder {folder}: there is no {folder.parent}", hint="create it first") from error
            except OSError as error:
                raise SinkError(f"cannot make the output folder {folder}: {error.strerror}", hint="choose another output folder") from error
        for path in self.paths():
            with writing(path):
                path.exists()


def plan_outputs(
    items: Sequence[Input], wanted: Wanted, *, tree: bool = False, reserved: Collection[Path] = (), earlier: Iterable[OutputPlan] = ()
) -> list[OutputPlan]:
    """Return where the results of each input go. Inputs whose results would have one name (clip.avi, clip.mov) get different ones.

    Args:
        items: The inputs.
        wanted: What is asked for.
        tree: Whether inputs come from a folder, or others are missing, so that outputs are folders too even for a single one.
        reserved: Files beside the inputs that must not be replaced.
        earlier: Plans that stand: their names are taken.

    Raises:
        ConfigError: Several inputs for one file, two results in one place, or a result in place of an input.
        SinkError: A name that is too long, or in a folder that may not be searched.
    """
    several = len(items) > 1 or any(len(item.relative.parts) > 1 for item in items)
    plans = [_plan(item, wanted, _stem(item), several=several, tree=tree) for item in items]
    taken = {_place(path, wanted) for plan in earlier for path in plan.paths()}
    inputs = {path.resolve() for path in [*(item.path for item in items if item.kind != "pipe"), *reserved]}
    folders = {path.parent for path in inputs}
    # Of inputs whose results would have one name, the one whose own name that is keeps it.
    for index in sorted(range(len(items)), key=lambda index: not _keeps_name(items[index], plans[index])):
        plans[index] = plan = _free_plan(items[index], plans[index], wanted, taken, several=several, tree=tree)
        for path in plan.paths():
            place = _place(path, wanted)
            if path != STDOUT and path.resolve() in inputs:
                raise ConfigError(f"{path} is both input and output", hint="choose another output name")
            if path != STDOUT and is_sequence(path) and sequence_place(path.resolve())[0] in folders:
                raise ConfigError(f"{path} would replace a folder that holds an input", hint="choose another output folder")
            if place in taken:
                raise ConfigError(f"{path} would hold two results", hint="give a folder for several inputs, and each output its own name")
            taken.add(place)
    return plans


def _free_plan(item: Input, plan: OutputPlan, wanted: Wanted, taken: Collection[Path], *, several: bool, tree: bool) -> OutputPlan:
    """Return the plan of an input with names that no other input's results have, as far as names are made up here."""
    own = item.path.suffix.removeprefix(".")
    stem = _stem(item)
    others = itertools.chain([f"{stem}_{own}"] if own else [], (f"{stem}_{number}" for number in itertools.count(2)))
    free = plan
    while any(_place(path, wanted) in taken for path in free.paths()):
        other = _plan(item, wanted, next(others), several=several, tree=tree)
        if other == free:  # all names were given
            return plan
        free = other
    if free != plan:
        logger.warning("%s is written as %s: the result of another input has its name", item.path, free.paths()[0].name)
    return free


def _place(path: Path, wanted: Wanted) -> Path:
    """Return what must differ between results."""
    if path == STDOUT:
        return path
    return path.resolve().with_suffix("") if wanted.reviewed and path.name else path.resolve()


def _keeps_name(item: Input, plan: OutputPlan) -> bool:
    return plan.paths()[0].suffix.lower() == item.path.suffix.lower()


def _plan(item: Input, wanted: Wanted, stem: str, *, several: bool, tree: bool) -> OutputPlan:
    folders: list[Path] = []

    def place(target: Path | None, option: str, suffix: str) -> Path | None:
        if target is None:
            return None
        if target == STDOUT:
            if several:
                raise ConfigError(f"{option} -: standard output takes one result, there are several inputs", hint="give a folder")
            return target
        with writing(target):
            is_folder = target.is_dir()
        is_file = target.suffix.lower() in {*CONTAINERS, *WRITABLE} and not is_folder
        if several and is_file:
            raise ConfigError(f"{option} {target} is one file, there are several inputs", hint="give a folder")
        if is_file or not (several or tree or is_folder) or (item.kind == "sequence" and not several):
            return target
        path = target / item.relative.with_name(stem + suffix)
        between = path.parent.relative_to(target).parts
        folders.extend(target.joinpath(*between[:depth]) for depth in range(len(between) + 1))
        return path

    only_parts = wanted.output is None and (wanted.alpha is not None or wanted.foreground is not None)
    composite = suffix_for(item, transparent=wanted.transparent)
    part = suffix_for(item, transparent=False)
    return OutputPlan(
        None if only_parts else place(wanted.output, "-o", composite) or _beside(item, stem + wanted.mark + composite),
        # A matte is not squeezed into JPEG.
        place(wanted.alpha, "--alpha", ".png" if item.kind == "image" else part),
        place(wanted.foreground, "--foreground", part),
        tuple(dict.fromkeys(folders)),
    )


def _beside(item: Input, name: str) -> Path:
    return STDOUT if item.kind == "pipe" else item.path.with_name(name)


def _stem(item: Input) -> str:
    """Return the name that an input gives its results: of a sequence, what stands before the number."""
    if item.kind == "sequence":
        return item.path.stem.split("%")[0].rstrip("_-.") or "sequence"
    # The name of one image must not read like that of many.
    return item.relative.stem.replace("%", "_") if item.kind == "image" and is_pattern(item.relative) else item.relative.stem


def suffix_for(item: Input, *, transparent: bool) -> str:
    """Return the suffix that suits an input: its own where it can be written, none for a sequence."""
    own = item.path.suffix.lower()
    if item.kind == "sequence":
        return ""
    if item.kind == "image":
        return ".png" if transparent or own not in WRITABLE else own
    if transparent:
        return own if own in CONTAINERS and CONTAINERS[own].alpha_codecs else ".mov"
    return own if own in CONTAINERS else ".mp4"
