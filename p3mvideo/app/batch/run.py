"""The one loop over inputs: list them, plan their outputs, check, work on one after the other, collect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from p3mvideo.app.batch.failure import failure_of
from p3mvideo.app.batch.input_list import list_inputs
from p3mvideo.app.batch.output_plan import OutputPlan, Wanted, plan_outputs
from p3mvideo.app.batch.result import InputResult
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener


class Job(NamedTuple):
    """One input of a run."""

    item: Input
    plan: OutputPlan
    number: int
    """Which one it is, from 1."""
    of: int
    """How many there are."""


Work = Callable[[Job], InputResult]
"""Works on one input. Whatever it raises is that input's failure and does not end the run."""


def run_batch(
    arguments: Sequence[str | Path],
    wanted: Wanted,
    prepare: Callable[[Sequence[Input], Sequence[OutputPlan]], Work],
    *,
    reserved: Collection[Path] = (),
    listener: Listener,
) -> tuple[InputResult, ...]:
    """Work on everything that the arguments stand for.

    Args:
        arguments: Videos, images, folders, globs, sequences like `frame_%05d.png`, or `-`.
        wanted: Which outputs are asked for.
        prepare: Checks the plans and loads what the work needs. Called once, before anything is written, and only if there is work; what it
            raises ends the run.
        reserved: Files beside the inputs that must not be replaced.
        listener: Hears when an input ends; the work itself tells it of its beginning and progress.

    Returns:
        What became of every input, first those that are not there.

    Raises:
        ConfigError, SourceError, SinkError: The arguments stand for nothing, or their outputs cannot be planned.
    """
    listed = list_inputs(arguments, wanted)
    plans = plan_outputs(listed.items, wanted, tree=listed.has_folder, reserved=reserved)
    results = [InputResult(item, OutputPlan(), error=error) for item, error in listed.missing]
    if listed.items:
        work = prepare(listed.items, plans)
        for number, (item, plan) in enumerate(zip(listed.items, plans, strict=True), start=1):
            try:
                results.append(work(Job(item, plan, number, len(listed.items))))
            except Exception as error:
                results.append(InputResult(item, plan, error=failure_of(item, error)))
            listener.end(failed=results[-1].error is not None)
    return tuple(results)
