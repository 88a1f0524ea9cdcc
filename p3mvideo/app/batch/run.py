"""The one loop over inputs: list them, plan their outputs, check, work on each, collect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from p3mvideo.app.batch.failure import failure_of
from p3mvideo.app.batch.input_list import InputList, list_inputs
from p3mvideo.app.batch.managed import run_managed
from p3mvideo.app.batch.output_plan import STDOUT, OutputPlan, Wanted, plan_outputs
from p3mvideo.app.batch.records import place_of
from p3mvideo.app.batch.result import InputResult
from p3mvideo.app.batch.unit import Recipe, Unit
from p3mvideo.app.batch.watch import watch_folder
from p3mvideo.errors import ConfigError
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener
from p3mvideo.options import BatchOptions

Prepare = Callable[[Sequence[Input], Sequence[OutputPlan]], Recipe]
"""Checks inputs and plans and returns how to work on them. Called before anything is written; what it raises ends the run."""


class Outcome(NamedTuple):
    """What became of a run."""

    results: tuple[InputResult, ...]
    """What became of every input, first those that are not there."""
    description: str
    """What was loaded for the work; empty if there was none."""


def run_batch(
    arguments: Sequence[str | Path],
    wanted: Wanted,
    prepare: Prepare,
    *,
    options: BatchOptions = BatchOptions(),
    overwrite: bool = False,
    reserved: Collection[Path] = (),
    listener: Listener,
) -> Outcome:
    """Work on everything that the arguments stand for.

    Args:
        arguments: Videos, images, folders, globs, sequences like `frame_%05d.png`, or `-`.
        wanted: Which outputs are asked for.
        prepare: See there.
        options: How the run is divided, and what of an earlier one counts.
        overwrite: Whether outputs that exist may be replaced.
        reserved: Files beside the inputs that must not be replaced.
        listener: Hears when an input ends; the work itself tells it of its beginning and progress.

    Raises:
        ConfigError, SourceError, SinkError: The arguments stand for nothing, or their outputs cannot be planned.
    """
    if options.watch is not None and arguments:
        raise ConfigError("a folder is watched, and there are inputs beside it", hint="leave out the inputs, or --watch")
    if options.watch is not None:
        return Outcome(*watch_folder(options.watch, wanted, prepare, options, overwrite=overwrite, reserved=reserved, listener=listener))
    listed = list_inputs(arguments, wanted)
    plans = plan_outputs(listed.items, wanted, tree=listed.has_folder or len(listed.items) + len(listed.missing) > 1, reserved=reserved)
    missing = tuple(InputResult(item, OutputPlan(), error=error) for item, error in listed.missing)
    if not listed.items:
        return Outcome(missing, "")
    recipe = prepare(listed.items, plans)
    if options.is_managed:
        if any(item.kind == "pipe" for item in listed.items) or any(STDOUT in plan.paths() for plan in plans):
            raise ConfigError("a pipe is worked on in one go, by one process", hint="leave out the options of batches, or write to files")
        results, description = run_managed(listed.items, plans, recipe, options, overwrite=overwrite, listener=listener)
    else:
        results, description = _run_here(listed, plans, recipe, options, listener)
    return Outcome(missing + results, description)


def _run_here(
    listed: InputList, plans: Sequence[OutputPlan], recipe: Recipe, options: BatchOptions, listener: Listener
) -> tuple[tuple[InputResult, ...], str]:
    """Work on one input after the other in this process."""
    units = [Unit(item, plan, number, len(plans)) for number, (item, plan) in enumerate(zip(listed.items, plans, strict=True), start=1)]
    there = {unit.number for unit in units if options.skip_existing and all(place_of(path).exists() for path in unit.plan.paths())}
    results = []
    work = recipe.load(listener) if len(there) < len(units) else None
    for unit in units:
        if unit.number in there:
            results.append(InputResult(unit.item, unit.plan, note="outputs exist"))
            continue
        assert work is not None
        try:
            results.append(work(unit))
        except Exception as error:
            results.append(InputResult(unit.item, unit.plan, error=failure_of(unit.item, error)))
        listener.end(failed=results[-1].error is not None)
    return tuple(results), getattr(work, "description", "")
