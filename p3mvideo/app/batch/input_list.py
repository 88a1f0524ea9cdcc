"""The inputs of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from p3mvideo.app.batch.output_plan import Wanted
from p3mvideo.errors import SourceError
from p3mvideo.io.inputs import Input, expand_inputs


class InputList(NamedTuple):
    """What the arguments of a command stand for."""

    items: list[Input]
    """Each thing once, in the order given."""
    missing: list[tuple[Input, SourceError]]
    """Arguments that stand for nothing, and why."""
    has_folder: bool
    """Whether an argument is a folder, whose tree the outputs mirror."""


def list_inputs(arguments: Sequence[str | Path], wanted: Wanted) -> InputList:
    """Return what the arguments stand for. What an earlier run wrote into an input folder is no input.

    Raises:
        SourceError: There is no argument.
    """
    if isinstance(arguments, str):
        raise TypeError(f"inputs is a list of names, got the text {arguments!r}")
    if not arguments:
        expand_inputs([])  # raises
    items: dict[Path, Input] = {}
    missing = []
    has_folder = False
    for argument in map(str, arguments):
        try:
            found = expand_inputs([argument])
        except SourceError as error:
            missing.append((Input(Path(argument), "video", Path(Path(argument).name)), error))
            continue
        if Path(argument).is_dir():
            has_folder = True
            found = list(_without_results(found, Path(argument), wanted))
        for item in found:
            items.setdefault(item.path if item.kind == "pipe" else item.path.absolute(), item)
    return InputList(list(items.values()), missing, has_folder)


def _without_results(found: Sequence[Input], folder: Path, wanted: Wanted) -> Iterator[Input]:
    """Yield what was found in a folder, but for the results of an earlier run: in an output folder inside it, or beside the inputs."""
    inside = folder.resolve()
    targets = [path.resolve() for path in (wanted.output, wanted.alpha, wanted.foreground) if path is not None]
    own = [target for target in targets if inside in target.parents]
    names = {item.path.with_suffix("") for item in found}
    for item in found:
        path = item.path.resolve()
        stem = item.path.stem
        original = item.path.with_name(stem.removesuffix(wanted.mark))
        if any(target == path or target in path.parents for target in own):
            continue
        if wanted.output is None and stem.endswith(wanted.mark) and original in names:
            continue
        yield item
