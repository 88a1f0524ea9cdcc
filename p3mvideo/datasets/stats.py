"""`p3mvideo dataset stats`: sizes of the portraits of a split, and how much of them is transition and face."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.datasets.anonymize import Progress
from p3mvideo.datasets.image_files import write_image
from p3mvideo.datasets.layout import read_split
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.frame import UInt8Array

BINS = 40
PLOT_WIDTH, PLOT_HEIGHT, MARGIN = 480, 200, 40


@dataclass(frozen=True)
class Distribution:
    """One quantity over the portraits of a split."""

    name: str
    values: tuple[float, ...]

    @property
    def summary(self) -> dict[str, float]:
        """Mean, smallest, largest, and the percentiles 10, 50 and 90."""
        p10, p50, p90 = np.percentile(self.values, (10, 50, 90)).tolist()
        return {"mean": float(np.mean(self.values)), "min": min(self.values), "p10": p10, "p50": p50, "p90": p90, "max": max(self.values)}


@dataclass(frozen=True)
class DatasetStats:
    """What `dataset_stats` found."""

    portraits: int
    with_face: int
    """How many have a face mask that is not empty."""
    distributions: tuple[Distribution, ...]
    """width and height in pixels; person, transition and face as shares of the image."""


def dataset_stats(data: Path, *, split: Path | None = None, plot: Path | None = None, on_progress: Progress | None = None) -> DatasetStats:
    """Measure a split.

    Args:
        data: The split's folder.
        split: File with the names to measure, one a line; None takes all.
        plot: Where to write an image with a histogram of each quantity; None writes none.
        on_progress: Called after each portrait.

    Raises:
        DatasetError: A file cannot be read, or the plot cannot be written.
    """
    folder = PortraitFolder(data, names=None if split is None else read_split(split))
    rows = []
    with ThreadPoolExecutor() as pool:
        for done, row in enumerate(pool.map(lambda name: _measured(folder, name), folder.names), start=1):
            rows.append(row)
            if on_progress is not None:
                on_progress(done, len(folder))
    names = ("width_px", "height_px", "person_share", "transition_share", "face_share")
    distributions = tuple(Distribution(name, tuple(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True))
    if plot is not None:
        write_image(plot, np.vstack([_histogram(one) for one in distributions]))
    return DatasetStats(len(rows), sum(row[-1] > 0 for row in rows), distributions)


def _measured(folder: PortraitFolder, name: str) -> tuple[float, float, float, float, float]:
    portrait = folder.load(name)
    height, width = portrait.alpha.shape
    transition = (portrait.alpha > 0) & (portrait.alpha < 255)
    return width, height, float((portrait.alpha > 127).mean()), float(transition.mean()), float((portrait.face_mask > 127).mean())


def _histogram(of: Distribution) -> UInt8Array:
    """Return a bar chart with its range written below, RGB (PLOT_HEIGHT, PLOT_WIDTH, 3)."""
    canvas = np.full((PLOT_HEIGHT, PLOT_WIDTH, 3), 255, np.uint8)
    counts, edges = np.histogram(of.values, BINS)
    floor, width = PLOT_HEIGHT - MARGIN, (PLOT_WIDTH - 2 * MARGIN) / BINS
    for number, count in enumerate(counts.tolist()):
        top = floor - round((floor - MARGIN) * count / max(1, counts.max()))
        cv2.rectangle(canvas, (round(MARGIN + number * width), top), (round(MARGIN + (number + 1) * width) - 1, floor), (70, 110, 170), -1)
    for text, x, y in (
        (f"{of.name}: mean {of.summary['mean']:.4g}, median {of.summary['p50']:.4g}", MARGIN, MARGIN - 14),
        (f"{edges[0]:.4g}", MARGIN, floor + 18),
        (f"{edges[-1]:.4g}", PLOT_WIDTH - 2 * MARGIN, floor + 18),
    ):
        cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas
