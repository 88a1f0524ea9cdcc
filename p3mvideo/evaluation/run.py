"""`p3mvideo evaluate`: scores methods on a benchmark and writes the report."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from p3mvideo.datasets.benchmark import Entry, find_entries
from p3mvideo.datasets.layout import BLURRED, ORIGINAL, split_folder
from p3mvideo.errors import ConfigError, DatasetError
from p3mvideo.evaluation.blurred import blur_originals
from p3mvideo.evaluation.clips import VIDEO_METRICS, Clip, ClipSmoothing, find_clips
from p3mvideo.evaluation.contact_sheet import Row, write_contact_sheet
from p3mvideo.evaluation.failures import FAILURES, Failure, with_other_shares, write_failures
from p3mvideo.evaluation.jobs import Job, predicted, run_jobs
from p3mvideo.evaluation.methods.make_method import make_method, method_name
from p3mvideo.evaluation.score_table import Score, ScoreTable
from p3mvideo.evaluation.share_files import table_path
from p3mvideo.evaluation.summary import gap_table, gaps, markdown_table, summarise
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.listener import Listener
from p3mvideo.options import EngineOptions, EvaluationOptions, SmoothingOptions
from p3mvideo.options.evaluation import Metric
from p3mvideo.options.parsing.times import exact_rate
from p3mvideo.temporal import make_matte_stream, make_schedule
from p3mvideo.weights import DEFAULT_MODEL


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
    model: Sequence[str] = (DEFAULT_MODEL,),
    output: Path = Path("evaluation"),
    overwrite: bool = False,
    options: EvaluationOptions = EvaluationOptions(),
    engine: EngineOptions = EngineOptions(),
    smoothing: SmoothingOptions = SmoothingOptions(smoothing="off"),
    listener: Listener | None = None,
) -> Evaluation:
    """Score methods on a benchmark; write scores.csv, failures.csv, summary.json, summary.md and sheets of the worst images.

    A run that was interrupted continues where it stopped if it is started again with the same options. Where several processes each score a share
    (`options.shard`), each writes the report on all that is scored when it ends; that of the last one is complete.

    Args:
        data: The data set's folder, see `p3mvideo.datasets.layout`.
        model: Weights by name or path; published checkpoints (.pth, .pth.tar); .onnx files, and .xml and .pt files that `export` wrote;
            trimap-based networks as LAYOUT:FILE.onnx with the layouts dim, gca, indexnet and fba; or trimap-based solvers (closed-form, knn,
            learning-based, random-walk, large-kernel). A leading "B=" or "N=" says that it was trained on blurred or normal images, for the
            protocol "ppt".
        output: Folder for the report.
        overwrite: Whether to replace a report that was made with other options.
        options: What is scored and how.
        engine: Device, runtime and precision; runtime and precision are for the strategy "engine";
            how often it looks at a frame of a clip, for smoothed ones.
        smoothing: How the mattes of clips are smoothed over time, in the protocol "video".
        listener: Hears how the run goes on.

    Raises:
        ConfigError: Options contradict each other.
        DatasetError: There is nothing to score.
        WeightsError, DeviceError: A method cannot be loaded.
        SinkError: The report cannot be written.
    """
    listener = listener or Listener()
    clip_smoothing = _clip_smoothing(options, engine, smoothing)
    folder = split_folder(data, options.split)
    specs = [_trained_on(spec) for spec in model]
    names = [method_name(name) for name, _ in specs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        same = " and ".join(spec for (spec, _), name in zip(specs, names, strict=True) if name == twice[0])
        raise ConfigError(f"{same} have the same name in reports, {twice[0]}", hint="Rename a file.")
    stills = options.protocol != "video"
    methods = [
        make_method(name, strategy=options.strategy, engine=engine, onnx_input=options.onnx_input, photographs=stills) for name, _ in specs
    ]  # fmt: skip
    for method in methods:
        listener.message(f"method: {method.description}")
    trained_on = {method.name: letter for method, (_, letter) in zip(methods, specs, strict=True) if method.learned}

    settings = {
        "data": str(folder.resolve()), "protocol": options.protocol, "images": options.images, "trimap": options.trimap,
        "metrics": list(options.metric),
        "smoothing": [*smoothing.to_json().values(), engine.network_every, options.rate] if clip_smoothing else "off",
        "methods": {method.name: method.identity for method in methods},
    }  # fmt: skip
    columns = (*(VIDEO_METRICS if options.protocol == "video" else options.metric), "predict_ms")
    table = ScoreTable(output, settings, columns, overwrite=overwrite, shard=options.shard)
    sets, without_face = _images(folder, options, output, overwrite, listener)
    jobs = [Job(method, label, subject) for method in methods for label, subjects in sets.items() for subject in subjects]
    share, of = options.shard or (0, 1)
    scored, mine = table.done(), jobs[share::of]
    todo = [job for job in mine if job.key not in scored]
    listener.begin("scoring", len(mine), done=len(mine) - len(todo))
    failures = run_jobs(
        todo, table, metrics=cast("tuple[Metric, ...]", options.metric), derive=options.trimap == "derive", workers=options.workers,
        advance=_counter(listener, len(mine) - len(todo)), smoothing=clip_smoothing,
    )  # fmt: skip
    listener.end()

    table.read_others()
    asked, scored = {job.key for job in jobs}, table.done()
    failures = with_other_shares(output, failures, options.shard, asked - scored - {job.key for job in mine})
    scores = tuple(sorted((score for score in table.scores if score.key in asked), key=lambda score: score.key))
    records = summarise(scores, options.group)
    gap_records = gaps(scores, trained_on, BLURRED, ORIGINAL) if options.protocol == "ppt" else []
    markdown = markdown_table(records)
    if gap_records:
        markdown += f"\n{gap_table(gap_records)}"
    if without_face:
        markdown += f"\nLeft out, for no face was found: {', '.join(without_face)}\n"
    pending = asked - scored - {failure.key for failure in failures}
    if pending:
        markdown += f"\n{len(pending)} of {len(jobs)} are still to be scored by other shares.\n"
    if failures:
        markdown += "\nNot scored:\n\n" + "".join(f"- {f.method} on {f.images}/{f.name}: {f.message}\n" for f in failures)
    summary = {
        **settings, "results": records, "gaps": gap_records, "without_face": without_face,
        "failures": [vars(failure) for failure in failures],
    }  # fmt: skip
    write_atomically(output / "summary.json", (json.dumps(summary, indent=1, default=str) + "\n").encode())
    write_atomically(output / "summary.md", markdown.encode(errors="surrogateescape"))
    write_failures(table_path(output, FAILURES, None), failures)
    if options.worst and options.protocol != "video":
        _sheets(jobs, scores, options.worst, options.worst_by or options.metric[0], options.trimap == "derive", output)
    return Evaluation(output, scores, tuple(failures), summary, markdown)


def _clip_smoothing(options: EvaluationOptions, engine: EngineOptions, smoothing: SmoothingOptions) -> ClipSmoothing | None:
    if smoothing.smoothing == "off":
        make_schedule(engine, smoothing, "cpu")  # raises if frames are to be left out
        return None
    if options.protocol != "video":
        raise ConfigError(f"smoothing {smoothing.smoothing} is for clips, and the protocol is {options.protocol}", hint="add --protocol video")
    rate = exact_rate(options.rate)
    assert rate is not None
    # Whatever it runs on: the report is to be the same everywhere.
    schedule = partial(make_schedule, engine, smoothing, "cpu")
    schedule()
    return ClipSmoothing(partial(make_matte_stream, smoothing), schedule, rate)


def _counter(listener: Listener, done: int) -> Callable[[], None]:
    """Return a function that tells the listener of one more each time it is called."""
    counted = itertools.count(done + 1)
    return lambda: listener.advance(next(counted))


def _trained_on(spec: str) -> tuple[str, str]:
    """Split an optional "B=" or "N=" off a method."""
    return (spec[2:], spec[0]) if spec.startswith(("B=", "N=")) else (spec, "B")


def _images(
    folder: Path, options: EvaluationOptions, output: Path, again: bool, listener: Listener
) -> tuple[dict[str, list[Entry] | list[Clip]], list[str]]:
    """Return what to score by folder of images, and the names of images that were left out because they show no face."""
    protocol, images, names = options.protocol, options.images, options.names
    last = options.limit or None
    if protocol == "video":
        return {"clips": find_clips(folder, images, names=names)[:last]}, []
    if protocol == "stills":
        entries = find_entries(folder, images, names=names)[:last]
        return {entries[0].image.parent.name: entries}, []
    originals = find_entries(folder, ORIGINAL if (folder / ORIGINAL).is_dir() else images, names=names)
    if (folder / BLURRED).is_dir():
        if originals[0].image.parent.name == BLURRED:
            raise DatasetError(
                f"{folder} has blurred images only, and the protocol ppt needs them unblurred too",
                hint=f"Put them into {folder / ORIGINAL}.",
            )
        blurred = {entry.name: entry for entry in find_entries(folder, BLURRED, names=names)}
        both = [entry for entry in originals if entry.name in blurred][:last]
        if not both:
            raise DatasetError(f"{folder} has no image both in {BLURRED} and in {originals[0].image.parent.name}")
        return {BLURRED: [blurred[entry.name] for entry in both], ORIGINAL: both}, []
    listener.begin("blurring faces", len(originals[:last]))
    plain, hidden, without_face = blur_originals(originals[:last], output, again=again, advance=_counter(listener, 0))
    listener.end()
    return {BLURRED: hidden, ORIGINAL: plain}, without_face


def _sheets(jobs: Sequence[Job], scores: Sequence[Score], worst: int, by: str, derive: bool, output: Path) -> None:
    """Write a contact sheet of the worst results of each method on each folder of images."""
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
