"""Runs whose units are worked on by worker processes, with records and claims: over all inputs, or over a share of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from p3mvideo.app.batch.claims import Claims
from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.records import make_work_folder, work_path
from p3mvideo.app.batch.result import InputResult
from p3mvideo.app.batch.unit import Recipe, Unit, size_of, unit_key
from p3mvideo.app.batch.unit_runner import UnitRunner
from p3mvideo.app.batch.workers.workers import LocalWorkers
from p3mvideo.cores import usable_cores
from p3mvideo.errors import ConfigError
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener
from p3mvideo.options import BatchOptions
from p3mvideo.pipeline import run_interruptibly
from p3mvideo.pipeline.frame_queue import QueueClosed

if TYPE_CHECKING:
    from p3mvideo.app.batch.workers.ray_workers import RayWorkers

Results = tuple[tuple[InputResult, ...], str]
"""In the order of the inputs, and what the workers loaded."""


def run_managed(
    items: Sequence[Input], plans: Sequence[OutputPlan], recipe: Recipe, options: BatchOptions, *, overwrite: bool, listener: Listener
) -> Results:
    """Work on all units, or on one share of them, and on those of a share whose process died.

    Raises:
        KeyboardInterrupt: The workers have ended; what is done stays done.
        P3MVideoError: The workers cannot load what they need.
    """
    units = [
        Unit(item, plan, number, len(items), size_of(item), unit_key(recipe, item) if options.keeps_records else "")
        for number, (item, plan) in enumerate(zip(items, plans, strict=True), start=1)
    ]
    with managed(recipe, options, overwrite=overwrite, listener=listener) as run:
        if options.shard is None:
            run.runner.add(units)
            run.until_done()
        else:
            _work_on_shares(units, options.shard, run)
        return run.results, run.runner.description


@dataclass(frozen=True)
class ManagedRun:
    """A run in progress."""

    runner: UnitRunner
    claims: Claims

    @property
    def results(self) -> tuple[InputResult, ...]:
        """What became of the units so far, in the order of their numbers."""
        return tuple(result for _, result in sorted(self.runner.results.items()))

    def until_done(self, more: Callable[[], bool] = lambda: False) -> None:
        """Work until all units have ended.

        Args:
            more: Called again and again; may add units, and returns whether others may follow.

        Raises:
            KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP.
        """
        stopped = threading.Event()

        def work() -> None:
            while more() or not self.runner.is_done:
                if stopped.is_set():
                    raise QueueClosed
                self.runner.step()

        run_interruptibly("batch", work, stop=lambda error: stopped.set())


@contextmanager
def managed(recipe: Recipe, options: BatchOptions, *, overwrite: bool, listener: Listener) -> Iterator[ManagedRun]:
    """Yield a run; at its end the workers are ended, what they were writing is removed, and claims are released, in this order."""
    with Claims(options.claim_expiry) as claims:
        workers = _workers(recipe, options)
        runner = UnitRunner(workers, claims, options, overwrite=overwrite, listener=listener)
        try:
            yield ManagedRun(runner, claims)
        finally:
            workers.close()
            runner.clear()


def _workers(recipe: Recipe, options: BatchOptions) -> LocalWorkers | RayWorkers:
    if options.cluster is not None:
        from p3mvideo.app.batch.workers.ray_workers import RayWorkers

        return RayWorkers(_with_threads(recipe, max(1, int(options.cpus_per_worker))), options)
    threads = max(1, usable_cores() // options.jobs) if options.jobs > 1 else 0
    return LocalWorkers(_with_threads(recipe, threads), options.jobs)


def _with_threads(recipe: Recipe, threads: int) -> Recipe:
    """Return a recipe for workers that share the cores; threads that were chosen stay."""
    return recipe if recipe.options["threads"] else replace(recipe, options={**recipe.options, "threads": threads})


def shares_of(units: Sequence[Unit], count: int) -> list[list[Unit]]:
    """Divide units into shares of about the same size, the same ones in every process that sees the same units."""
    ordered = sorted(units, key=lambda unit: (-unit.size, str(unit.item.relative), unit.number))
    return [ordered[number::count] for number in range(count)]


def _work_on_shares(units: Sequence[Unit], shard: tuple[int, int], run: ManagedRun) -> None:
    """Work on a share, then on each other one that was begun by a process that has died since."""
    own, count = shard
    shares, claims = shares_of(units, count), run.claims
    make_work_folder(units[0])
    signs = [work_path(units[0], "").with_name(f"share-{number}-of-{count}.claim") for number in range(count)]
    if not claims.take(signs[own]) and signs[own] not in claims.take_dead([signs[own]]) and not claims.take(signs[own]):
        raise ConfigError(f"share {own} of {count} is being worked on by another process", hint="give each process a share of its own")
    run.runner.add(shares[own])
    run.until_done()
    for sign in claims.take_dead(signs):
        run.runner.add(shares[signs.index(sign)])
        run.until_done()
