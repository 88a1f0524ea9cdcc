"""Gives units to workers and keeps account of what becomes of them, over all that may end before it is done."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from p3mvideo.app.batch.claims import Claims
from p3mvideo.app.batch.leftovers import remove_leftovers, remove_segments, remove_unfinished, unfinished_outputs
from p3mvideo.app.batch.progress import ProgressMeter
from p3mvideo.app.batch.records import Record, make_work_folder, output_states, place_of, read_record, work_path, write_record
from p3mvideo.app.batch.result import InputResult
from p3mvideo.app.batch.unit import Unit
from p3mvideo.app.batch.workers.stragglers import Stragglers
from p3mvideo.app.batch.workers.workers import Event, Workers
from p3mvideo.errors import P3MVideoError, SinkError, error_from_json
from p3mvideo.listener import Listener
from p3mvideo.options import BatchOptions

MAX_DEATHS: Final = 2
"""A unit whose worker ended without a word this many times is not tried again."""
WAIT_SECONDS: Final = 0.2
"""How long to wait for workers before looking around."""
RETRY_CLAIM_SECONDS: Final = 1.0
"""Between two looks at what other processes have claimed."""


class UnitRunner:
    """Has units worked on, the largest first, each by one worker.

    Args:
        workers: Who works. Closed by the caller.
        claims: This process's claims.
        options: What is kept and what is done again.
        overwrite: Whether outputs of others may be replaced.
        listener: Hears how the run goes on.
    """

    def __init__(self, workers: Workers, claims: Claims, options: BatchOptions, *, overwrite: bool, listener: Listener) -> None:
        self.results: dict[int, InputResult] = {}
        """What became of the units that have ended, by number."""
        self.description = ""
        """What the workers loaded; empty before there was work."""
        self._workers, self._claims, self._options, self._overwrite, self._listener = workers, claims, options, overwrite, listener
        self._shows_each = options.jobs == 1 and options.cluster is None
        """Whether units are worked on one after the other, so that the listener can hear of each as it goes."""
        self._meter = ProgressMeter(listener)
        self._waiting: deque[Unit] = deque()
        self._postponed: deque[Unit] = deque()
        """Claimed by other processes."""
        self._look_again_at = 0.0
        self._running: dict[int, Unit] = {}
        self._records: dict[int, Record] = {}
        self._divided: list[Unit] = []
        """Units in work that more workers may help with, once for each helper."""
        self._stragglers = Stragglers()
        self._parts_of_others: set[Path] = set()
        """Unfinished outputs that were there before a worker of this run could have begun them."""

    def add(self, units: Sequence[Unit]) -> None:
        """Take more units, and remove what killed runs left of them."""
        remove_leftovers(units, self._claims if self._options.keeps_records else None)
        self._parts_of_others |= unfinished_outputs(units)
        self._meter.add(units)
        self._waiting = deque(sorted([*self._waiting, *units], key=lambda unit: (-unit.size, unit.number)))

    @property
    def is_done(self) -> bool:
        """Whether all units have ended."""
        return not (self._waiting or self._postponed or self._running)

    def step(self) -> None:
        """Give out work, wait a moment and take what has come back.

        Raises:
            P3MVideoError: The workers cannot load what the work needs.
        """
        if not self._waiting and self._postponed and time.monotonic() >= self._look_again_at:
            self._waiting, self._postponed = self._postponed, deque()
            self._look_again_at = time.monotonic() + RETRY_CLAIM_SECONDS
        while self._waiting and self._workers.free():
            self._take(self._waiting.popleft())
        while self._divided and self._workers.free():
            self._workers.submit(replace(self._divided.pop(0), helps=True))
        if not self._waiting and self._workers.free():
            self._move_straggler()
        if self._running or self._postponed:
            for event in self._workers.poll(WAIT_SECONDS):
                self._hear(event)

    def clear(self) -> None:
        """Remove what workers were writing, once all have been ended."""
        remove_unfinished(self._running.values(), self._parts_of_others)

    def _take(self, unit: Unit) -> None:
        """Begin with a unit, unless it is known what becomes of it."""
        try:
            known = self._known(unit)
            if known is None and self._options.keeps_records:
                make_work_folder(unit)
                if not self._claims.take(work_path(unit, ".claim")):
                    self._postponed.append(unit)
                    return
                known = self._known(unit)  # perhaps it was done between the two
        except (P3MVideoError, OSError) as error:
            failure = error if isinstance(error, P3MVideoError) else SinkError(f"cannot work beside {unit.plan.paths()[0]}: {error.strerror}")
            known = InputResult(unit.item, unit.plan, error=failure)
        if known is not None:
            if known.note == "done before":
                remove_segments(unit)  # should the run have been killed before it did
            self._end(unit, known, skipped=True)
            return
        record = self._record_of(unit)
        deaths = record.deaths if record is not None and record.state == "running" else 0
        self._keep(unit, Record(unit.key, "running", deaths))
        self._running[unit.number] = unit
        self._workers.submit(replace(unit, replaces=record is not None or self._overwrite))

    def _known(self, unit: Unit) -> InputResult | None:
        """Return what became of a unit before, if that still holds; None if it is to be done.

        Raises:
            SinkError: An output exists that may not be replaced.
        """
        record, paths = self._record_of(unit), unit.plan.paths()
        exist = [path for path in paths if os.path.lexists(place_of(path))]
        if self._options.skip_existing and len(exist) == len(paths):
            return InputResult(unit.item, unit.plan, note="outputs exist")
        if record is None:
            if exist and not self._overwrite:
                raise SinkError(
                    f"{exist[0]} exists already", hint="no record says that it was made with these options: use --overwrite to replace it"
                )
            return None
        states = output_states(unit)
        if record.state == "done" and len(states) == len(paths) and states == record.outputs:
            return InputResult.from_json(unit.item, unit.plan, record.result, note="done before")
        if record.state == "failed" and not self._options.retry_failed:
            return InputResult.from_json(unit.item, unit.plan, record.result, note="failed before")
        if record.deaths >= MAX_DEATHS and not self._options.retry_failed:
            return InputResult.from_json(unit.item, unit.plan, record.result, note="quarantined")
        changed = [name for name, state in states.items() if state != record.outputs.get(name)]
        if changed and record.state != "running" and not self._overwrite:  # what a killed run published last is not recorded
            path = getattr(unit.plan, changed[0])
            raise SinkError(f"{path} exists already, and not as it was written", hint="use --overwrite to replace it")
        return None

    def _record_of(self, unit: Unit) -> Record | None:
        """Return what is recorded of a unit with these options: in this run, or in earlier ones where they count."""
        if unit.number in self._records:
            return self._records[unit.number]
        record = read_record(unit) if self._options.keeps_records else None
        return record if record is not None and record.key == unit.key else None

    def _keep(self, unit: Unit, record: Record) -> None:
        self._records[unit.number] = record
        if self._options.keeps_records:
            write_record(unit, record)

    def _hear(self, event: Event) -> None:
        values, unit = event.values, event.unit
        if "refused" in values:
            raise error_from_json(values["refused"])
        if "ready" in values:
            self.description = self.description or values["ready"]
        if "message" in values:
            self._listener.message(values["message"])
        if unit is None or unit.helps:
            return  # whoever has the unit does what a helper leaves
        if "divided" in values:
            self._divided += [unit] * (values["divided"] - 1)
            self._stragglers.exclude(unit)  # others help with it
        if "begin" in values:
            self._meter.begin(unit, values["total"])
            self._stragglers.begin(unit, values["total"])
            if self._shows_each:
                self._listener.begin(values["begin"], values["total"], number=unit.number, of=unit.of)
        if "advance" in values:
            self._meter.advance(unit, values["advance"])
            self._stragglers.advance(unit, values["advance"])
            if self._shows_each:
                self._listener.advance(values["advance"])
        if "result" in values:
            self._finish(unit, InputResult.from_json(unit.item, unit.plan, values["result"]))
        if "died" in values or "lost" in values:
            self._mourn(unit, values.get("died"))

    def _finish(self, unit: Unit, result: InputResult) -> None:
        """Take what a worker made of a unit, and recorded."""
        self._stragglers.end(unit)
        if result.error is None and unit.key:
            remove_segments(unit)
        self._end(unit, result)

    def _mourn(self, unit: Unit, how: str | None) -> None:
        """A worker has ended without a word (`how`), or its machine was lost, which is no fault of the unit's: try again, after all others."""
        recorded = read_record(unit) if self._options.keeps_records else None
        if recorded is not None and recorded.key == unit.key and recorded.state == "done":  # it ended between record and word
            self._finish(unit, InputResult.from_json(unit.item, unit.plan, recorded.result))
            return
        record = self._records[unit.number]
        record = replace(record, deaths=record.deaths + (how is not None))
        self._running.pop(unit.number, None)
        self._stragglers.drop(unit)
        self._divided = [divided for divided in self._divided if divided.number != unit.number]
        self._meter.lost(unit)
        if record.deaths < MAX_DEATHS:
            self._keep(unit, record)
            self._claims.release(work_path(unit, ".claim"))
            self._waiting.append(unit)
            return
        remove_unfinished([unit], self._parts_of_others)
        error = P3MVideoError(f"quarantined: the process that worked on it ended {record.deaths} times ({how})", hint="--retry-failed tries it again")
        result = InputResult(unit.item, unit.plan, error=error, note="quarantined")
        self._keep(unit, replace(record, state="quarantined", outputs=output_states(unit), result=result.to_json()))
        self._end(unit, result)

    def _move_straggler(self) -> None:
        """Give a unit to another worker that would have it done sooner from the beginning; each unit once."""
        unit = self._stragglers.find()
        if unit is not None:
            self._workers.take_back(unit)
            self._meter.lost(unit)
            self._workers.submit(replace(unit, replaces=True))

    def _end(self, unit: Unit, result: InputResult, *, skipped: bool = False) -> None:
        self.results[unit.number] = result
        self._running.pop(unit.number, None)
        self._stragglers.drop(unit)
        self._divided = [divided for divided in self._divided if divided.number != unit.number]
        self._claims.release(work_path(unit, ".claim"))
        if not skipped and not self._shows_each:
            frames = result.statistics.frames_out if result.statistics is not None else 0
            self._listener.begin(str(unit.item.path), frames or None, done=frames, number=unit.number, of=unit.of)
        if not skipped:
            self._listener.end(failed=result.error is not None)
        self._meter.end(unit, failed=result.error is not None, skipped=skipped)
