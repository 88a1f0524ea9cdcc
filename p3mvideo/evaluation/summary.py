"""From scores of images to the figures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np

from p3mvideo.evaluation.score_table import Score

TITLES = {
    "sad": "SAD", "mse": "MSE", "mad": "MAD", "sad_t": "SAD-T", "mse_t": "MSE-T", "mad_t": "MAD-T", "sad_fg": "SAD-FG",
    "sad_bg": "SAD-BG", "grad": "Grad", "conn": "Conn", "iou": "IoU", "sad_face": "SAD-face", "mse_face": "MSE-face",
    "mad_face": "MAD-face", "video_mad": "MAD x 10³", "video_mse": "MSE x 10³", "video_grad": "Grad (video)",
    "video_conn": "Conn (video)", "video_dtssd": "dtSSD x 10²", "video_dtssd_sum": "dtSSD (sum)",
    "video_messddt": "MESSDdt", "video_moving_edge": "moving edges", "video_lag": "lag, frames", "predict_ms": "ms",
}  # fmt: skip
GAP_METRICS = ("sad", "mad", "mse", "sad_face")
"""What the privacy-preserving protocol compares."""


def summarise(scores: Sequence[Score], groups: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return one record per method, folder of images and group of names: "count", and per metric the mean and percentiles 10 and 90.

    The mean is the arithmetic mean over images, as published. An image for which a metric is undefined is not part of its mean.

    Args:
        scores: Of single images.
        groups: Patterns of names, such as `hs_*`; all images together are a group too, called "all".
    """
    records = []
    for method, images in dict.fromkeys((score.method, score.images) for score in scores):
        mine = [score for score in scores if (score.method, score.images) == (method, images)]
        for group in ("all", *groups):
            chosen = [score for score in mine if group == "all" or fnmatch(score.name, group)]
            if chosen:
                records.append({"method": method, "images": images, "group": group, "count": len(chosen), **_statistics(chosen)})
    return records


def markdown_table(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the means as a Markdown table, columns without a value left out; IoU with its tenth percentile."""
    names = [name for name in TITLES if any(name in record for record in records)]
    head = ["method", "images", "group", "n"]
    for name in names:
        head += [TITLES[name], "IoU p10"] if name == "iou" else [TITLES[name]]
    rows = []
    for record in records:
        row = [record["method"], record["images"], record["group"], str(record["count"])]
        for name in names:
            value = record.get(name)
            row.append(_number(None if value is None else value["mean"]))
            if name == "iou":
                row.append(_number(None if value is None else value["p10"]))
        rows.append(row)
    return _table(head, rows)


def gaps(scores: Sequence[Score], trained_on: Mapping[str, str], blurred: str, original: str) -> list[dict[str, Any]]:
    """Return per method what the privacy-preserving protocol asks: the same images blurred (B) and not (N), and the gap.

    Only images that were scored both ways count. The gap is (N - B) / B.

    Args:
        scores: Of single images.
        trained_on: "B" or "N" per method that was trained; other methods are written with "-".
        blurred: Name of the folder of blurred images.
        original: Name of the other.
    """
    records: list[dict[str, Any]] = []
    for method in dict.fromkeys(score.method for score in scores):
        both = {
            folder: {score.name: score.values for score in scores if (score.method, score.images) == (method, folder)}
            for folder in (blurred, original)
        }
        names = sorted(both[blurred].keys() & both[original].keys())
        record: dict[str, Any] = {"method": method, "trained_on": trained_on.get(method, "-"), "count": len(names)}
        for metric in GAP_METRICS:
            pairs = [
                (both[blurred][name][metric], both[original][name][metric])
                for name in names
                if np.isfinite([both[folder][name].get(metric, np.nan) for folder in (blurred, original)]).all()
            ]
            if pairs:
                b, n = np.mean(pairs, 0).tolist()
                record[metric] = {"B": b, "N": n, "gap": (n - b) / b if b else None}
        records.append(record)
    return records


def gap_table(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the gaps as a Markdown table in the notation X:Y, trained on X and tested on Y."""
    names = [name for name in GAP_METRICS if any(name in record for record in records)]
    rows = []
    for record in records:
        x = record["trained_on"]
        for name in names:
            value = record.get(name)
            if value is not None:
                gap = "" if value["gap"] is None else f"{100 * value['gap']:+.1f} %"
                rows.append([record["method"], TITLES[name], str(record["count"]), f"{x}:B {_number(value['B'])}",
                             f"{x}:N {_number(value['N'])}", gap])  # fmt: skip
    return _table(["method", "metric", "n", "blurred", "not blurred", "gap"], rows)


def _statistics(scores: Sequence[Score]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in TITLES:
        values = np.array([score.values[name] for score in scores if np.isfinite(score.values.get(name, np.nan))])
        if values.size:
            p10, p90 = np.percentile(values, (10, 90)).tolist()
            found[name] = {"mean": float(values.mean()), "p10": p10, "p90": p90, "count": int(values.size)}
    return found


def _number(value: float | None) -> str:
    """Return a number with four significant digits."""
    return "" if value is None else f"{value:.4g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
