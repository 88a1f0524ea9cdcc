"""Train with a logger of your own: python examples/log_training.py DATA log.csv [STEPS]"""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

import p3mvideo
from p3mvideo.listener import Listener
from p3mvideo.options import TrainingOptions


class CsvLogger(Listener):
    """Writes losses and validation scores to a file. `wandb.log(values)` or `mlflow.log_metrics(values)` would stand in the same place."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def figures(self, values: Mapping[str, float]) -> None:
        """Called with each record: "step", and losses by name or scores by split."""
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerows((int(values["step"]), name, value) for name, value in values.items() if name != "step")


if __name__ == "__main__":
    options = TrainingOptions(steps=int(sys.argv[3]) if len(sys.argv) > 3 else None)
    print(p3mvideo.train(Path(sys.argv[1]), options=options, listener=CsvLogger(sys.argv[2])).checkpoint)
