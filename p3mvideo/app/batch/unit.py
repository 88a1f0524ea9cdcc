"""One unit of work, described by data only: the same for this process, a worker process, a share of the work and a cluster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from p3mvideo import __version__
from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.result import InputResult
from p3mvideo.io.images.sequence_pattern import find_numbered, is_pattern
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener

FileStates = list[tuple[int, int]]
"""Size and time of change, in nanoseconds, of each file."""

WITHOUT_EFFECT = frozenset({"overwrite", "offline", "claim_expiry"})
"""Options that what is written does not depend on."""


@dataclass(frozen=True)
class Unit:
    """One input of a run, where its results go, and what they depend on."""

    item: Input
    plan: OutputPlan
    number: int = 1
    """Which one it is, from 1."""
    of: int = 1
    """How many there are."""
    size: int = 0
    """Bytes of the input: how much work it is, compared with others."""
    key: str = ""
    """Stands for input, options, program and weights, see `unit_key`; empty where no records are kept."""
    replaces: bool = False
    """Whether its outputs may be replaced, for an earlier run of the same unit wrote them."""
    helps: bool = False
    """Whether another worker has the unit, and this one takes only some of its segments."""

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        plan = {name: None if path is None else str(path) for name, path in vars(self.plan).items() if name != "folders"}
        return {
            "item": {"path": str(self.item.path), "kind": self.item.kind, "relative": str(self.item.relative)},
            "plan": {**plan, "folders": [str(folder) for folder in self.plan.folders]},
            **{name: getattr(self, name) for name in ("number", "of", "size", "key", "replaces", "helps")},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Unit:
        """Return the unit that `to_json` wrote."""
        item, plan = values["item"], dict(values["plan"])
        folders = tuple(Path(folder) for folder in plan.pop("folders"))
        paths = {name: None if path is None else Path(path) for name, path in plan.items()}
        rest = {name: value for name, value in values.items() if name not in ("item", "plan")}
        return cls(Input(Path(item["path"]), item["kind"], Path(item["relative"])), OutputPlan(**paths, folders=folders), **rest)


Work = Callable[[Unit], InputResult]
"""Works on one input. Whatever it raises is that input's failure and does not end the run."""


@dataclass(frozen=True)
class Recipe:
    """How the units of a run are worked on, described by data only."""

    entry: str
    """`module:function` that takes `options` and a `Listener`, loads what is needed and returns a `Work`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """As plain values."""
    weights: str = ""
    """SHA-256 of the weights, empty if there are none."""

    def load(self, listener: Listener) -> Work:
        """Return what works on the units.

        Raises:
            P3MVideoError: Something is missing or does not go together.
        """
        module, function = self.entry.split(":")
        work: Work = getattr(import_module(module), function)(self.options, listener)
        return work


def unit_key(recipe: Recipe, item: Input) -> str:
    """Return what stands for an input together with the options, the program and the weights: another key, another result."""
    told = {
        "version": __version__, "entry": recipe.entry, "weights": recipe.weights, "options": _effective(recipe.options),
        "input": [str(item.relative), item.kind, file_states(item.path)],
    }  # fmt: skip
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def size_of(item: Input) -> int:
    """Return the bytes of an input, 0 if they are not known."""
    return sum(size for size, _ in file_states(item.path))


def file_states(path: Path) -> FileStates:
    """Return size and time of change of a file, or of every image of a sequence; nothing if it cannot be looked at."""
    try:
        files = [path] if path.exists() else list(find_numbered(path).values()) if is_pattern(path) else []
        return [(status.st_size, status.st_mtime_ns) for status in (file.stat() for file in files)]
    except OSError:
        return []


def _effective(options: Any) -> Any:
    """Return options without those that change nothing; one that names a file stands for what is in it."""
    if isinstance(options, Mapping):
        return {name: _effective(value) for name, value in options.items() if name not in WITHOUT_EFFECT}
    if isinstance(options, str) and options:
        found = file_states(Path(options)) if len(options) < 4096 and Path(options).suffix else []
        return [options, found] if found else options
    return options
