"""What it costs to start workers and to give units to them, by units that only wait: so other work on the machine hardly matters.

    python -m benchmarks.workers --seconds 2 --units 12                  # worker processes
    python -m benchmarks.workers --seconds 2 --units 12 --cluster local  # actors on Ray

Prints how long it takes until each of two workers has loaded, how much of the time of two workers is work, against that of one, and the processor
time that the process that gives the work needs for a unit: what a unit takes, divided by that, is how many workers it can keep busy. Loading is that
of this program without a network; the network comes on top, see "Start" in BENCHMARKS.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.result import InputResult
from p3mvideo.app.batch.unit import Recipe, Unit, Work
from p3mvideo.app.batch.workers.ray_workers import RayWorkers
from p3mvideo.app.batch.workers.workers import LocalWorkers, Workers
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener
from p3mvideo.options import BatchOptions


def load(options: Mapping[str, Any], listener: Listener) -> Work:
    """Return work that only waits; see `Recipe.entry`."""

    def wait(unit: Unit) -> InputResult:
        time.sleep(options["seconds"])
        return InputResult(unit.item, unit.plan)

    return wait


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a unit takes")
    parser.add_argument("--cluster", choices=("local",))
    given = parser.parse_args()
    recipe = Recipe("benchmarks.workers:load", {"seconds": given.seconds})
    began = time.monotonic()
    account: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        options = BatchOptions(cluster=given.cluster, jobs=2)
        workers: Workers = RayWorkers(recipe, options) if given.cluster else LocalWorkers(recipe, 2)
        try:
            account["seconds until there are workers to ask"] = round(time.monotonic() - began, 1)
            rates, ready = {}, 0
            for count in (1, 2):
                began = time.monotonic()
                for number in range(count):
                    submit(workers, number, Path(folder))
                ready = wait_for(workers, units=count, ready=ready, wanted=count)
                account[f"seconds until worker {count} had loaded"] = round(time.monotonic() - began - given.seconds, 1)
                used = time.process_time()
                rates[count] = given.units * given.seconds / work(workers, count, given.units, Path(folder)) / count
                account[f"part of the time of {count} that is work"] = round(rates[count], 3)
                own_ms = 1e3 * (time.process_time() - used) / given.units
                account[f"processor time of who gives a unit to one of {count}, in ms"] = round(own_ms, 1)
            account["efficiency of two against one"] = round(rates[2] / rates[1], 3)
        finally:
            workers.close()
    print(json.dumps(account, indent=1))


def submit(workers: Workers, number: int, folder: Path) -> None:
    """Give a unit to a worker."""
    workers.submit(Unit(Input(folder / "a", "video", Path("a")), OutputPlan(folder / "b"), number))


def wait_for(workers: Workers, *, units: int, ready: int, wanted: int) -> int:
    """Wait until some units have ended and as many workers as are wanted have loaded, of which some had before; return how many have."""
    while units > 0 or ready < wanted:
        for event in workers.poll(0.2):
            units -= "result" in event.values
            ready += "ready" in event.values
    return ready


def work(workers: Workers, count: int, units: int, folder: Path) -> float:
    """Do units with some of the workers, which have loaded; return how long that took, in seconds."""
    began = time.monotonic()
    for number in range(count):
        submit(workers, number, folder)
    given, ended = count, 0
    while ended < units:
        for event in workers.poll(0.2):
            if "result" in event.values:
                ended += 1
                if given < units:
                    submit(workers, given, folder)
                    given += 1
    return time.monotonic() - began


if __name__ == "__main__":
    main()
