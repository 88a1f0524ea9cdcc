"""Works on what appears in a folder, until it is stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from p3mvideo.app.batch.failure import failure_of
from p3mvideo.app.batch.input_list import list_inputs
from p3mvideo.app.batch.managed import ManagedRun, Results, managed
from p3mvideo.app.batch.output_plan import OutputPlan, Wanted, plan_outputs
from p3mvideo.app.batch.result import InputResult
from p3mvideo.app.batch.unit import FileStates, Recipe, Unit, file_states, size_of, unit_key
from p3mvideo.errors import ConfigError, SourceError
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener
from p3mvideo.options import BatchOptions

SETTLED_SECONDS: Final = 3.0
"""A file that neither grew nor changed for this long is complete."""
LOOK_SECONDS: Final = 1.0
"""Between two looks into the folder."""

logger = logging.getLogger(__name__)


def watch_folder(
    folder: Path,
    wanted: Wanted,
    prepare: Callable[[Sequence[Input], Sequence[OutputPlan]], Recipe],
    options: BatchOptions,
    *,
    overwrite: bool,
    reserved: Collection[Path],
    listener: Listener,
) -> Results:
    """Work on what lies in a folder and on what appears there, until Ctrl-C or SIGTERM, which is no failure here.

    Raises:
        ConfigError: There is no such folder, or results are to be written into it.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder} to watch", hint="create it first")
    for target in (wanted.output, wanted.alpha, wanted.foreground):
        if target is not None and target.resolve() == folder.resolve():
            raise ConfigError(f"results in {folder} would be taken for inputs", hint="write into another folder, which may lie in this one")
    recipe = prepare([], [])
    with managed(recipe, options, overwrite=overwrite, listener=listener) as run:
        watched = _Watched(folder, wanted, prepare, reserved, recipe, run)
        listener.message(f"watching {folder}; Ctrl-C ends")
        try:
            run.until_done(watched.look)
        except KeyboardInterrupt:
            listener.message("stopped; what was being written is removed")
        return run.results, run.runner.description


class _Watched:
    """What is known of the files of a folder."""

    def __init__(
        self,
        folder: Path,
        wanted: Wanted,
        prepare: Callable[[Sequence[Input], Sequence[OutputPlan]], Recipe],
        reserved: Collection[Path],
        recipe: Recipe,
        run: ManagedRun,
    ) -> None:
        self._folder, self._wanted, self._prepare, self._reserved, self._recipe, self._run = folder, wanted, prepare, reserved, recipe, run
        self._seen: dict[Path, tuple[FileStates, float]] = {}
        self._taken: dict[Path, FileStates] = {}
        self._plans: dict[Path, OutputPlan] = {}
        """Where results go: what arrives later takes no name from what was there before."""
        self._said: set[tuple[Path, str]] = set()
        self._count = 0
        self._look_at = 0.0

    def look(self) -> bool:
        """Add what has become complete; there may always be more."""
        if self._run.runner.is_done:  # otherwise the workers are waited for
            time.sleep(max(0.0, min(self._look_at - time.monotonic(), 0.2)))
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            items, missing, _ = list_inputs([self._folder], self._wanted)
            self._warn(missing)
            self._plan(items)
            for item in items:
                if self._is_complete(item.path):
                    self._add(item, self._plans[item.path])
        return True

    def _warn(self, missing: Sequence[tuple[Input, SourceError]]) -> None:
        """Say once what cannot be read, and that the folder itself is gone; that nothing lies in it is no news."""
        for item, error in missing:
            said = (item.path, error.message)
            if said not in self._said and not (item.path == self._folder and self._folder.is_dir()):
                self._said.add(said)
                logger.warning("%s", error.message)

    def _plan(self, items: Sequence[Input]) -> None:
        """Plan the outputs of those inputs that are new."""
        new = [item for item in items if item.path not in self._plans]
        reserved = {*self._reserved, *(item.path for item in items)}
        plans = plan_outputs(new, self._wanted, tree=True, reserved=reserved, earlier=self._plans.values())
        self._plans |= {item.path: plan for item, plan in zip(new, plans, strict=True)}

    def _is_complete(self, path: Path) -> bool:
        """Return whether a file is new and has not changed for a while."""
        states, now = file_states(path), time.monotonic()
        before, since = self._seen.get(path, ([], now))
        if not states or states != before:
            self._seen[path] = states, now
            return False
        return self._taken.get(path) != states and now - since >= SETTLED_SECONDS

    def _add(self, item: Input, plan: OutputPlan) -> None:
        self._taken[item.path] = file_states(item.path)
        self._count += 1
        try:
            self._prepare([item], [plan])
        except Exception as error:
            self._run.runner.results[self._count] = InputResult(item, plan, error=failure_of(item, error))
            return
        self._run.runner.add([Unit(item, plan, self._count, self._count, size_of(item), unit_key(self._recipe, item))])
