"""`p3mvideo evaluate`: scores methods on a benchmark and writes the report."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from p3mvideo.datasets.layouts import BLURRED, ORIGINAL, Entry, find_entries, split_folder
from p3mvideo.engine.make_matter import Precision, Runtime
from p3mvideo.engine.strategies import Strategy
from p3mvideo.errors import ConfigError, DatasetError
from p3mvideo.evaluate.blurred import blur_originals
from p3mvideo.evaluate.clips import VIDEO_METRICS, Clip, ClipSmoothing, find_clips
from p3mvideo.evaluate.contact_sheet import Row, write_contact_sheet
from p3mvideo.evaluate.jobs import Failure, Job, predicted, run_jobs
from p3mvideo.evaluate.methods import OnnxInput, make_method
from p3mvideo.evaluate.score_table import Score, ScoreTable
from p3mvideo.evaluate.summary import gap_table, gaps, markdown_table, summarise
from p3mvideo.ops.metrics import METRICS, Metric
from p3mvideo.temporal import Smoothing, make_matte_stream
from p3mvideo.weights import DEFAULT_MODEL

Protocol = Literal["stills", "ppt", "video"]


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found; the same is in the files of `folder`."""

    folder: Path
    scores: tuple[Score, ...]
    failures: tuple[Failure, ...]
    summary: dict[str, Any]
    """As in summary.json."""
    markdown: str
    """As in summary.md."""


def evaluate(
    data: Path,
    *,
    split: str = "",
    images: str = "",
    model: Sequence[str] = (DEFAULT_MODEL,),
    strategy: Strategy = "auto",
    protocol: Protocol = "stills",
    smoothing: Smoothing = "off",
    smoothing_strength: float = 0.5,
    lookahead: int = 3,
    rate: float = 30.0,
    trimap: Literal["given", "derive"] = "given",
    metric: Sequence[Metric] = METRICS,
    group: Sequence[str] = (),
    names: Sequence[str] = (),
    limit: int = 0,
    output: Path = Path("evaluation"),
    overwrite: bool = False,
    worst: int = 12,
    worst_by: Metric = "sad",
    workers: int = 0,
    device: str = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    onnx_input: OnnxInput = "imagenet",
    quiet: bool = False,
) -> Evaluation:
    """Score methods on a benchmark; write scores.csv, failures.csv, summary.json, summary.md and sheets of the worst pictures.

    A run that was interrupted goes on where it stopped if it is started again with the same options.

    Args:
        data: The data set's folder, see `p3mvideo.datasets.layouts`.
        split: Its split, such as P3M-500-P; none if the data set is one folder of pairs.
        images: Folder of pictures in the split; the first known one if empty. The protocol "ppt" takes both.
        model: Weights by name or path, .onnx files, or trimap-based solvers (closed-form, knn, learning-based, random-walk,
            large-kernel). A leading "B=" or "N=" says that it was trained on blurred or normal pictures, for the protocol "ppt".
        strategy: How a P3M-Net looks at a picture: "engine" as the program itself, "resize" and "hybrid" as published.
        protocol: "stills"; "ppt" scores the same pictures blurred and not; "video" scores clips in the video convention.
        smoothing: How the mattes of clips are steadied over time, in the protocol "video".
        smoothing_strength: From 0 to 1.
        lookahead: Frames after each one that adaptive smoothing looks at.
        rate: Frames a second of the clips, for smoothing goes by seconds.
        trimap: Whether to derive the trimaps that are not given from the true mattes.
        metric: Which metrics of stills.
        group: Patterns such as `hs_*`; the summary has figures for each.
        names: Patterns; only pictures that fit one are scored.
        limit: At most so many pictures; 0 for all.
        output: Folder for the report.
        overwrite: Whether to replace a report that was made with other options.
        worst: How many of the worst results a sheet shows; 0 for no sheet.
        worst_by: The metric that says which are the worst.
        workers: Threads that read and score; 0 chooses.
        device: auto, cpu, cuda, cuda:N or mps.
        runtime: For the strategy "engine".
        precision: For the strategy "engine".
        onnx_input: What ONNX networks expect: ImageNet-normalised values, values in [0, 1], or in [-1, 1].
        quiet: Whether to show no progress.

    Raises:
        ConfigError: Options contradict each other.
        DatasetError: There is nothing to score.
        WeightsError, DeviceError: A method cannot be loaded.
        SinkError: The report cannot be written.
    """
    unknown = [name for name in (*metric, worst_by) if name not in METRICS]
    if unknown:
        raise ConfigError(f"there is no metric {unknown[0]!r}", hint=f"Known are {', '.join(METRICS)}.")
    if worst and worst_by not in metric and protocol != "video":
        raise ConfigError(f"the worst by {worst_by} cannot be shown, for it is not among the metrics", hint="Change --worst-by.")
    clip_smoothing = _clip_smoothing(protocol, smoothing, smoothing_strength, lookahead, rate)
    folder = split_folder(data, split)
    specs = [_trained_on(spec) for spec in model]
    methods = [
        make_method(
            name, strategy=strategy, device=device, runtime=runtime, precision=precision, onnx_input=onnx_input
        )
        for name, _ in specs
    ]  # fmt: skip
    if len({method.name for method in methods}) < len(methods):
        raise ConfigError(f"two methods have the same name: {', '.join(method.name for method in methods)}", hint="Rename a file.")
    trained_on = {method.name: letter for method, (_, letter) in zip(methods, specs, strict=True) if method.learned}

    settings = {
        "data": str(folder.resolve()), "protocol": protocol, "images": images, "trimap": trimap, "metrics": list(metric),
        "smoothing": [smoothing, smoothing_strength, lookahead, rate] if clip_smoothing else "off",
        "methods": {method.name: method.identity for method in methods},
    }  # fmt: skip
    columns = (*(VIDEO_METRICS if protocol == "video" else metric), "predict_ms")
    table = ScoreTable(output, settings, columns, overwrite=overwrite)
    with _progress(quiet) as progress:
        sets, without_face = _pictures(folder, images, protocol, names, limit, output, overwrite, progress)
        jobs = [Job(method, label, subject) for method in methods for label, subjects in sets.items() for subject in subjects]
        done = table.done()
        todo = [job for job in jobs if job.key not in done]
        task = progress.add_task("scoring", total=len(jobs), completed=len(jobs) - len(todo))
        failures = run_jobs(
            todo, table, metrics=tuple(metric), derive=trimap == "derive", workers=workers, advance=lambda: progress.advance(task),
            smoothing=clip_smoothing,
        )  # fmt: skip

    asked = {job.key for job in jobs}
    scores = tuple(sorted((s for s in table.scores if (s.method, s.images, s.name) in asked), key=lambda s: (s.method, s.images, s.name)))
    records = summarise(scores, group)
    gap_records = gaps(scores, trained_on, BLURRED, ORIGINAL) if protocol == "ppt" else []
    markdown = markdown_table(records)
    if gap_records:
        markdown += f"\n{gap_table(gap_records)}"
    if without_face:
        markdown += f"\nLeft out, for no face was found: {', '.join(without_face)}\n"
    if failures:
        markdown += "\nNot scored:\n\n" + "".join(f"- {f.method} on {f.images}/{f.name}: {f.message}\n" for f in failures)
    summary = {
        **settings, "results": records, "gaps": gap_records, "without_face": without_face,
        "failures": [vars(failure) for failure in failures],
    }  # fmt: skip
    (output / "summary.json").write_text(json.dumps(summary, indent=1, default=str) + "\n", encoding="utf-8")
    (output / "summary.md").write_text(markdown, encoding="utf-8")
    with (output / "failures.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("method", "images", "name", "message"), *(vars(failure).values() for failure in failures)])
    if worst and protocol != "video":
        _sheets(jobs, scores, worst, worst_by, trimap == "derive", output)
    return Evaluation(output, scores, tuple(failures), summary, markdown)


def _clip_smoothing(protocol: Protocol, smoothing: Smoothing, strength: float, lookahead: int, rate: float) -> ClipSmoothing | None:
    if smoothing == "off":
        return None
    if protocol != "video":
        raise ConfigError(f"--smoothing {smoothing} steadies clips, and the protocol is {protocol}", hint="add --protocol video")
    if not 0 <= strength <= 1 or lookahead < 0 or not 0 < rate < float("inf"):
        raise ConfigError(
            f"smoothing of strength {strength:g}, {lookahead} frames ahead, at {rate:g} frames a second makes no sense",
            hint="strength is in [0, 1], look-ahead 0 or more, the rate above 0",
        )
    return ClipSmoothing(partial(make_matte_stream, smoothing, strength, lookahead), Fraction(rate).limit_denominator(1001))


def _trained_on(spec: str) -> tuple[str, str]:
    """Split an optional "B=" or "N=" off a method."""
    return (spec[2:], spec[0]) if spec.startswith(("B=", "N=")) else (spec, "B")


def _pictures(
    folder: Path,
    images: str,
    protocol: Protocol,
    names: Sequence[str],
    limit: int,
    output: Path,
    anew: bool,
    progress: Progress,
) -> tuple[dict[str, list[Entry] | list[Clip]], list[str]]:
    """Return what to score by folder of pictures, and the names of pictures that were left out because they show no face."""
    last = limit or None
    if protocol == "video":
        return {"clips": find_clips(folder, images)[:last]}, []
    if protocol == "stills":
        entries = find_entries(folder, images, names=names)[:last]
        return {entries[0].image.parent.name: entries}, []
    originals = find_entries(folder, ORIGINAL if (folder / ORIGINAL).is_dir() else images, names=names)
    if (folder / BLURRED).is_dir():
        if originals[0].image.parent.name == BLURRED:
            raise DatasetError(
                f"{folder} has blurred pictures only, and the protocol ppt needs them unblurred too",
                hint=f"Put them into {folder / ORIGINAL}.",
            )
        blurred = {entry.name: entry for entry in find_entries(folder, BLURRED, names=names)}
        both = [entry for entry in originals if entry.name in blurred][:last]
        if not both:
            raise DatasetError(f"{folder} has no picture both in {BLURRED} and in {originals[0].image.parent.name}")
        return {BLURRED: [blurred[entry.name] for entry in both], ORIGINAL: both}, []
    task = progress.add_task("blurring faces", total=len(originals[:last]))
    plain, hidden, without_face = blur_originals(originals[:last], output, anew=anew, advance=lambda: progress.advance(task))
    return {BLURRED: hidden, ORIGINAL: plain}, without_face


def _sheets(jobs: Sequence[Job], scores: Sequence[Score], worst: int, by: Metric, derive: bool, output: Path) -> None:
    """Write a contact sheet of the worst results of each method on each folder of pictures."""
    by_key = {job.key: job for job in jobs}
    for method, images in dict.fromkeys((score.method, score.images) for score in scores):
        mine = [s for s in scores if (s.method, s.images) == (method, images) and np.isfinite(s.values.get(by, np.nan))]
        mine.sort(key=lambda score: score.values[by], reverse=by != "iou")
        rows = []
        for score in mine[:worst]:
            entry = by_key[score.method, score.images, score.name].subject
            assert isinstance(entry, Entry)
            portrait, alpha, _ = predicted(by_key[score.method, score.images, score.name].method, entry, derive)
            rows.append(Row(f"{score.name}  {by} {score.values[by]:.4g}", portrait.image, portrait.alpha, alpha))
        if rows:
            write_contact_sheet(output / f"worst-{method}-{images}.png", rows)


def _progress(quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(file=sys.stderr), disable=quiet, transient=True)
