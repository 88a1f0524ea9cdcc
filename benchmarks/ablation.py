"""What P3M-CP is worth: mean and spread over several trainings, out of the scores of `p3mvideo evaluate --protocol ppt`.

    python -m benchmarks.ablation RUNS/ablation [--card weights/MODEL_CARD.md]

The scored networks are called cp-LEVEL-SEED, see `make ablation`. With --card, the table replaces what stands between its two marks there.
"""

from __future__ import annotations

import argparse
import csv
import re
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from p3mvideo.files.atomic_write import write_atomically

LEVELS = {"off": "nothing", "image": "images", "feature": "features", "both": "both"}
METRICS = {"sad": ("SAD", 3), "mad": ("MAD", 4), "iou": ("IoU", 4), "mad_face": ("MAD in faces", 4)}
GAPS = ("sad", "mad", "mad_face")
BEGIN, END = "<!-- ablation: begin, by benchmarks/ablation.py -->", "<!-- ablation: end -->"

Means = Mapping[tuple[str, str], float]
"""By folder of images, B or N, and metric."""


def means_of(scores: Path) -> dict[str, dict[int, Means]]:
    """Return the mean scores of each training, by level and seed, of portraits that were scored both ways.

    Args:
        scores: `scores.csv`.
    """
    values: dict[tuple[str, int], dict[str, dict[str, Mapping[str, str]]]] = defaultdict(lambda: {"B": {}, "N": {}})
    with scores.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            network = re.search(r"cp-(off|image|feature|both)-(\d+)", row["method"])
            if network is not None:
                values[network[1], int(network[2])]["B" if row["images"] == "blurred_image" else "N"][row["name"]] = row
    means: dict[str, dict[int, Means]] = {level: {} for level in LEVELS}
    for (level, seed), folders in sorted(values.items()):
        names = folders["B"].keys() & folders["N"].keys()
        means[level][seed] = {
            (folder, metric): statistics.fmean(float(value) for name in names if (value := rows[name][metric]) not in ("", "nan"))
            for folder, rows in folders.items()
            for metric in METRICS
        }
    return {level: seeds for level, seeds in means.items() if seeds}


def gap(means: Means, metric: str) -> float:
    """Return by how many percent a metric is higher on normal portraits than on blurred ones."""
    return 100 * (means["N", metric] / means["B", metric] - 1)


def table(means: Mapping[str, Mapping[int, Means]]) -> str:
    """Return the Markdown table: mean and standard deviation over the seeds."""
    head = ["faces pasted into", "trainings", *(f"{folder}: {METRICS[metric][0]}" for folder in ("B:B", "B:N") for metric in METRICS)]
    head += [f"gap of {METRICS[metric][0]}, %" for metric in GAPS]
    rows = []
    for level, seeds in means.items():
        row = [LEVELS[level], str(len(seeds))]
        row += [_spread([one[folder, metric] for one in seeds.values()], METRICS[metric][1]) for folder in ("B", "N") for metric in METRICS]
        row += [_spread([gap(one, metric) for one in seeds.values()], 1, signed=True) for metric in GAPS]
        rows.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def _spread(values: Sequence[float], digits: int, *, signed: bool = False) -> str:
    mean = f"{statistics.fmean(values):{'+' if signed else ''}.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def main() -> None:
    """Print the table, and put it into a model card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, help="folder of scores.csv")
    parser.add_argument("--card", type=Path, help="Markdown file with the marks between which the table goes")
    given = parser.parse_args()
    made = table(means_of(given.scores / "scores.csv"))
    print(made, end="")
    if given.card is not None:
        before, begin, rest = given.card.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        if not begin or not end:
            parser.error(f"{given.card} lacks the marks {BEGIN} and {END}")
        write_atomically(given.card, f"{before}{BEGIN}\n{made}{END}{after}".encode())


if __name__ == "__main__":
    main()
