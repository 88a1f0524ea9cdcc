"""The inputs of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from p3mvideo.app.batch.output_plan import Wanted
from p3mvideo.app.batch.records import recorded_input
from p3mvideo.app.reports.audit import AUDIT, has_own_audit
from p3mvideo.app.reports.face_review import SHEET
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
        unreadable: list[tuple[Path, SourceError]] = []
        try:
            found = expand_inputs([argument], unreadable=unreadable)
        except SourceError as error:
            missing.append((_failed(Path(argument)), error))
            continue
        missing += [(_failed(path), error) for path, error in unreadable]
        if Path(argument).is_dir():
            has_folder = True
            found = list(_without_results(found, Path(argument), wanted))
        for item in found:
            items.setdefault(item.path if item.kind == "pipe" else item.path.absolute(), item)
    return InputList(list(items.values()), missing, has_folder)


def _failed(path: Path) -> Input:
    return Input(path, "video", Path(path.name))


def _without_results(found: Sequence[Input], folder: Path, wanted: Wanted) -> Iterator[Input]:
    """Yield what was found in a folder, but for what earlier runs made: in an output folder inside it, or beside the inputs."""
    inside = folder.resolve()
    targets = [path.resolve() for path in (wanted.output, wanted.alpha, wanted.foreground) if path is not None]
    own = [target for target in targets if inside in target.parents]
    originals = {item.path.with_suffix("") for item in found}
    originals |= {item.path.with_name(f"{item.path.stem}_{item.path.suffix[1:]}") for item in found}  # where several have one stem
    sequences = {parent for parent in {item.path.parent for item in found} if parent.name.endswith(wanted.mark) and has_own_audit(parent)}
    for item in found:
        path = item.path.resolve()
        is_in_target = item.path.parent in sequences or any(target == path or target in path.parents for target in own)
        if not (is_in_target or _is_sheet(item.path) or (wanted.output is None and _is_result(item.path, wanted, originals))):
            yield item


def _is_sheet(path: Path) -> bool:
    """Return whether an image is the review sheet of an output, which lies beside its audit."""
    return path.name.endswith(SHEET) and path.with_name(path.name.removesuffix(SHEET) + AUDIT).exists()


def _is_result(path: Path, wanted: Wanted, originals: Collection[Path]) -> bool:
    """Return whether a file is what was made of another one beside it, which may be gone since.

    Args:
        path: The file.
        wanted: Tells how such results are called.
        originals: The files that are there, by the names that their results get, without mark and suffix.
    """
    if not path.stem.endswith(wanted.mark):
        return False
    if path.with_name(path.stem.removesuffix(wanted.mark)) in originals:
        return True
    source = recorded_input(path)
    is_recorded = source is not None and source.stem != path.stem  # results that keep the name are made in another folder
    return is_recorded or (wanted.reviewed and has_own_audit(path))
