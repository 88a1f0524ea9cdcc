"""How long a batch takes on 1 to 256 workers: a simulation with the schedule of `UnitRunner`, from measured costs of units.

    python -m benchmarks.cluster_schedule run.json --files 10000       # run.json: --report of a real run; add --processor if the machine was busy
    python -m benchmarks.cluster_schedule --rate 12 --seconds 60       # or a rate in frames per second and a mean length

Units are drawn from the measured ones (or are log-normal around the mean), the largest goes first to the worker that is free first, and a worker
takes `--start` seconds to load. At the end, when nothing else waits, those that are free help: long files are divided into segments among them, and
what a slow worker has in hand is begun again by another (`stragglers.py`). Reading and writing are taken not to slow each other down, which shared
storage decides in the end.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
from collections.abc import Sequence
from pathlib import Path

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
REPLAY_SECONDS = 4.0
"""Of video that is read again by each worker that helps with a file."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, nargs="?")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=12.0, help="frames per second that one worker processes")
    parser.add_argument("--seconds", type=float, default=60.0, help="mean length of a file")
    parser.add_argument("--start", type=float, default=8.0, help="seconds until a worker has loaded")
    parser.add_argument("--straggler", type=float, default=0.02, help="fraction of units that take three times as long")
    parser.add_argument("--processor", action="store_true", help="take what the units cost in processor time: a worker on a core of its own")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    costs = draw_costs(given)
    alone = sum(costs) + given.start
    print(f"{len(costs)} units, {sum(costs) / 3600:.1f} hours of one worker")
    print(f"{'workers':>8}{'hours':>10}{'speed-up':>10}{'efficiency':>12}{'without segments':>18}")
    for workers in WORKERS:
        divided = makespan(costs, workers, given.start, replay=REPLAY_SECONDS * 25 / given.rate)
        whole = makespan(costs, workers, given.start, replay=None)
        print(f"{workers:>8}{divided / 3600:>10.3f}{alone / divided:>10.1f}{alone / divided / workers:>12.0%}{alone / whole / workers:>18.0%}")


def draw_costs(given: argparse.Namespace) -> list[float]:
    """Return how many seconds each unit takes."""
    draw = random.Random(given.seed)
    if given.report is not None:
        done = [entry["statistics"] for entry in json.loads(given.report.read_text())["inputs"] if entry["statistics"]]
        measured = [statistics["processor_seconds" if given.processor else "total_seconds"] for statistics in done]
        costs = [draw.choice(measured) for _ in range(given.files)]
    else:
        costs = [given.seconds * 25 / given.rate * draw.lognormvariate(-0.5, 1.0) for _ in range(given.files)]
    return [cost * 3 if draw.random() < given.straggler else cost for cost in costs]


def makespan(costs: Sequence[float], workers: int, start: float, *, replay: float | None) -> float:
    """Return when the last unit is done.

    Args:
        costs: Seconds that each unit takes.
        workers: How many workers there are.
        start: Seconds until a worker has loaded.
        replay: Seconds that each helper repeats of a file; None: files are not divided.
    """
    free = [start] * workers
    for cost in sorted(costs, reverse=True):
        heapq.heapreplace(free, free[0] + cost)
    ends = sorted(free)
    if replay is None or workers == 1:
        return ends[-1]
    # What is left when the first worker has nothing to do is shared by all, each helper repeating a little of what it takes.
    idle_from = ends[0]
    rest = sum(end - idle_from for end in ends)
    return min(ends[-1], idle_from + rest / workers + replay)


if __name__ == "__main__":
    main()
